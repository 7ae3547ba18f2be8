; C = A B for A of 64 x k halves, B of k x 16 halves, C in float: what an attention kernel is made of. Tiles of 16 along k come
; by cp.async into two stages, ldmatrix spreads them over the lanes, and each of the four warps does 16 rows.
target triple = "nvptx64-nvidia-cuda"

; Of each stage, 2048 bytes of A in rows of 32, then 512 of B in rows of 32.
@stages = external addrspace(3) global [0 x i8], align 128

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32 immarg)
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3(ptr addrspace(3))
declare { float, float, float, float } @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half>, <2 x half>, <2 x half>, <2 x half>, <2 x half>, <2 x half>, float, float, float, float)

define internal void @load(ptr addrspace(1) %a, ptr addrspace(1) %b, i32 %k, i32 %first, i32 %stage, i32 %thread) alwaysinline {
  %row = lshr i32 %thread, 1
  %half = and i32 %thread, 1
  %halfBytes = shl i32 %half, 4
  %rowBytes = shl i32 %row, 5
  %place = add i32 %rowBytes, %halfBytes
  %base = mul i32 %stage, 2560
  %to = add i32 %base, %place
  %toA = getelementptr i8, ptr addrspace(3) @stages, i32 %to
  %rowStart = mul i32 %row, %k
  %element = add i32 %rowStart, %first
  %bytes = shl i32 %element, 1
  %fromBytes = add i32 %bytes, %halfBytes
  %fromA = getelementptr i8, ptr addrspace(1) %a, i32 %fromBytes
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %toA, ptr addrspace(1) %fromA)
  %loadsB = icmp ult i32 %thread, 32
  br i1 %loadsB, label %both, label %done
both:
  %toB = getelementptr i8, ptr addrspace(3) %toA, i32 2048
  %firstBytes = shl i32 %first, 5
  %inB = add i32 %firstBytes, %place
  %fromB = getelementptr i8, ptr addrspace(1) %b, i32 %inB
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %toB, ptr addrspace(1) %fromB)
  br label %done
done:
  ret void
}

define ptx_kernel void @matmul(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %c, i32 %k) "nvvm.reqntid"="128" {
entry:
  %thread = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %lane = and i32 %thread, 31
  %warp = lshr i32 %thread, 5
  %firstRow = shl i32 %warp, 4
  %laneRow = and i32 %lane, 15
  %laneHalf = lshr i32 %lane, 4
  %laneHalfBytes = shl i32 %laneHalf, 4
  %laneRowBytes = shl i32 %laneRow, 5
  %placeB = add i32 %laneRowBytes, %laneHalfBytes
  %rowBytes = shl i32 %firstRow, 5
  %placeA = add i32 %placeB, %rowBytes
  call void @load(ptr addrspace(1) %a, ptr addrspace(1) %b, i32 %k, i32 0, i32 0, i32 %thread)
  call void @llvm.nvvm.cp.async.commit.group()
  br label %step
step:
  %first = phi i32 [ 0, %entry ], [ %next, %multiply ]
  %stage = phi i32 [ 0, %entry ], [ %other, %multiply ]
  %c0 = phi float [ 0.0, %entry ], [ %d0, %multiply ]
  %c1 = phi float [ 0.0, %entry ], [ %d1, %multiply ]
  %c2 = phi float [ 0.0, %entry ], [ %d2, %multiply ]
  %c3 = phi float [ 0.0, %entry ], [ %d3, %multiply ]
  %c4 = phi float [ 0.0, %entry ], [ %d4, %multiply ]
  %c5 = phi float [ 0.0, %entry ], [ %d5, %multiply ]
  %c6 = phi float [ 0.0, %entry ], [ %d6, %multiply ]
  %c7 = phi float [ 0.0, %entry ], [ %d7, %multiply ]
  %next = add i32 %first, 16
  %other = xor i32 %stage, 1
  %more = icmp slt i32 %next, %k
  br i1 %more, label %ahead, label %multiply
ahead:
  call void @load(ptr addrspace(1) %a, ptr addrspace(1) %b, i32 %k, i32 %next, i32 %other, i32 %thread)
  br label %multiply
multiply:
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.wait.group(i32 1)
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %base = mul i32 %stage, 2560
  %inA = add i32 %base, %placeA
  %inB0 = add i32 %base, %placeB
  %inB = add i32 %inB0, 2048
  %pointerA = getelementptr i8, ptr addrspace(3) @stages, i32 %inA
  %pointerB = getelementptr i8, ptr addrspace(3) @stages, i32 %inB
  %as = call { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %pointerA)
  %bs = call { i32, i32, i32, i32 } @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3(ptr addrspace(3) %pointerB)
  %ai0 = extractvalue { i32, i32, i32, i32 } %as, 0
  %ai1 = extractvalue { i32, i32, i32, i32 } %as, 1
  %ai2 = extractvalue { i32, i32, i32, i32 } %as, 2
  %ai3 = extractvalue { i32, i32, i32, i32 } %as, 3
  %bi0 = extractvalue { i32, i32, i32, i32 } %bs, 0
  %bi1 = extractvalue { i32, i32, i32, i32 } %bs, 1
  %bi2 = extractvalue { i32, i32, i32, i32 } %bs, 2
  %bi3 = extractvalue { i32, i32, i32, i32 } %bs, 3
  %a0 = bitcast i32 %ai0 to <2 x half>
  %a1 = bitcast i32 %ai1 to <2 x half>
  %a2 = bitcast i32 %ai2 to <2 x half>
  %a3 = bitcast i32 %ai3 to <2 x half>
  %b0 = bitcast i32 %bi0 to <2 x half>
  %b1 = bitcast i32 %bi1 to <2 x half>
  %b2 = bitcast i32 %bi2 to <2 x half>
  %b3 = bitcast i32 %bi3 to <2 x half>
  %left = call { float, float, float, float } @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half> %a0, <2 x half> %a1, <2 x half> %a2, <2 x half> %a3, <2 x half> %b0, <2 x half> %b1, float %c0, float %c1, float %c2, float %c3)
  %right = call { float, float, float, float } @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half> %a0, <2 x half> %a1, <2 x half> %a2, <2 x half> %a3, <2 x half> %b2, <2 x half> %b3, float %c4, float %c5, float %c6, float %c7)
  %d0 = extractvalue { float, float, float, float } %left, 0
  %d1 = extractvalue { float, float, float, float } %left, 1
  %d2 = extractvalue { float, float, float, float } %left, 2
  %d3 = extractvalue { float, float, float, float } %left, 3
  %d4 = extractvalue { float, float, float, float } %right, 0
  %d5 = extractvalue { float, float, float, float } %right, 1
  %d6 = extractvalue { float, float, float, float } %right, 2
  %d7 = extractvalue { float, float, float, float } %right, 3
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br i1 %more, label %step, label %store
store:
  %group = lshr i32 %lane, 2
  %pair = and i32 %lane, 3
  %row = add i32 %firstRow, %group
  %rowStart = shl i32 %row, 4
  %column = shl i32 %pair, 1
  %at = add i32 %rowStart, %column
  %p0 = getelementptr float, ptr addrspace(1) %c, i32 %at
  %p1 = getelementptr float, ptr addrspace(1) %p0, i32 128
  %p2 = getelementptr float, ptr addrspace(1) %p0, i32 8
  %p3 = getelementptr float, ptr addrspace(1) %p0, i32 136
  %v0a = insertelement <2 x float> poison, float %d0, i32 0
  %v0 = insertelement <2 x float> %v0a, float %d1, i32 1
  %v1a = insertelement <2 x float> poison, float %d2, i32 0
  %v1 = insertelement <2 x float> %v1a, float %d3, i32 1
  %v2a = insertelement <2 x float> poison, float %d4, i32 0
  %v2 = insertelement <2 x float> %v2a, float %d5, i32 1
  %v3a = insertelement <2 x float> poison, float %d6, i32 0
  %v3 = insertelement <2 x float> %v3a, float %d7, i32 1
  store <2 x float> %v0, ptr addrspace(1) %p0, align 8
  store <2 x float> %v1, ptr addrspace(1) %p1, align 8
  store <2 x float> %v2, ptr addrspace(1) %p2, align 8
  store <2 x float> %v3, ptr addrspace(1) %p3, align 8
  ret void
}
