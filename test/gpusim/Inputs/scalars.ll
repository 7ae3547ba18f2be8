; Many operations on scalars and small vectors of every type, with their results as words: compiled for the host and for the
; simulator it must give the same. In: two words as integers and two floats, and from them everything else.

declare i32 @llvm.fshl.i32(i32, i32, i32)
declare i64 @llvm.fshr.i64(i64, i64, i64)
declare i32 @llvm.ctpop.i32(i32)
declare i64 @llvm.ctlz.i64(i64, i1)
declare i32 @llvm.cttz.i32(i32, i1)
declare i32 @llvm.bitreverse.i32(i32)
declare i32 @llvm.bswap.i32(i32)
declare i32 @llvm.smax.i32(i32, i32)
declare i64 @llvm.umin.i64(i64, i64)
declare i16 @llvm.smin.i16(i16, i16)
declare i32 @llvm.abs.i32(i32, i1)
declare i32 @llvm.uadd.sat.i32(i32, i32)
declare i32 @llvm.ssub.sat.i32(i32, i32)
declare float @llvm.fma.f32(float, float, float)
declare float @llvm.sqrt.f32(float)
declare float @llvm.fabs.f32(float)
declare float @llvm.copysign.f32(float, float)
declare float @llvm.floor.f32(float)
declare float @llvm.ceil.f32(float)
declare float @llvm.trunc.f32(float)
declare float @llvm.rint.f32(float)
declare float @llvm.maxnum.f32(float, float)
declare float @llvm.minimum.f32(float, float)
declare double @llvm.fma.f64(double, double, double)
declare double @llvm.sqrt.f64(double)

define internal ptr @put(ptr %to, i32 %value) alwaysinline {
  store i32 %value, ptr %to
  %next = getelementptr i32, ptr %to, i32 1
  ret ptr %next
}
define internal ptr @put64(ptr %to, i64 %value) alwaysinline {
  %low = trunc i64 %value to i32
  %shifted = lshr i64 %value, 32
  %high = trunc i64 %shifted to i32
  %a = call ptr @put(ptr %to, i32 %low)
  %b = call ptr @put(ptr %a, i32 %high)
  ret ptr %b
}
define internal ptr @put16(ptr %to, i16 %value) alwaysinline {
  %wide = sext i16 %value to i32
  %a = call ptr @put(ptr %to, i32 %wide)
  ret ptr %a
}
; A NaN has one form here: its bits are not defined.
define internal ptr @putf(ptr %to, float %value) alwaysinline {
  %isNan = fcmp uno float %value, %value
  %bits = bitcast float %value to i32
  %one = select i1 %isNan, i32 2143289344, i32 %bits
  %a = call ptr @put(ptr %to, i32 %one)
  ret ptr %a
}
define internal ptr @putd(ptr %to, double %value) alwaysinline {
  %isNan = fcmp uno double %value, %value
  %bits = bitcast double %value to i64
  %one = select i1 %isNan, i64 9221120237041090560, i64 %bits
  %a = call ptr @put64(ptr %to, i64 %one)
  ret ptr %a
}
define internal ptr @puth(ptr %to, half %value) alwaysinline {
  %wide = fpext half %value to float
  %a = call ptr @putf(ptr %to, float %wide)
  ret ptr %a
}

define KERNEL void @scalars(ptr %in, ptr %out) {
  %a = load i32, ptr %in
  %pb = getelementptr i32, ptr %in, i32 1
  %b = load i32, ptr %pb
  %px = getelementptr i32, ptr %in, i32 2
  %x = load float, ptr %px
  %py = getelementptr i32, ptr %in, i32 3
  %y = load float, ptr %py
  %aw = sext i32 %a to i64
  %bz = zext i32 %b to i64
  %mixed = shl i64 %aw, 17
  %c = xor i64 %mixed, %bz
  %odd = or i32 %b, 1
  %oddw = or i64 %c, 1

  ; integers of 32 bits
  %i0 = mul i32 %a, %b
  %o0 = call ptr @put(ptr %out, i32 %i0)
  %i1 = sdiv i32 %a, %odd
  %o1 = call ptr @put(ptr %o0, i32 %i1)
  %i2 = urem i32 %a, %odd
  %o2 = call ptr @put(ptr %o1, i32 %i2)
  %i3 = srem i32 %a, 37
  %o3 = call ptr @put(ptr %o2, i32 %i3)
  %i4 = udiv i32 %a, 1000003
  %o4 = call ptr @put(ptr %o3, i32 %i4)
  %count = and i32 %b, 31
  %i5 = shl i32 %a, %count
  %o5 = call ptr @put(ptr %o4, i32 %i5)
  %i6 = ashr i32 %a, %count
  %o6 = call ptr @put(ptr %o5, i32 %i6)
  %i7 = call i32 @llvm.fshl.i32(i32 %a, i32 %b, i32 %count)
  %o7 = call ptr @put(ptr %o6, i32 %i7)
  %i8 = call i32 @llvm.ctpop.i32(i32 %a)
  %o8 = call ptr @put(ptr %o7, i32 %i8)
  %i9 = call i32 @llvm.cttz.i32(i32 %b, i1 false)
  %o9 = call ptr @put(ptr %o8, i32 %i9)
  %i10 = call i32 @llvm.bitreverse.i32(i32 %a)
  %o10 = call ptr @put(ptr %o9, i32 %i10)
  %i11 = call i32 @llvm.bswap.i32(i32 %a)
  %o11 = call ptr @put(ptr %o10, i32 %i11)
  %i12 = call i32 @llvm.smax.i32(i32 %a, i32 %b)
  %o12 = call ptr @put(ptr %o11, i32 %i12)
  %i13 = call i32 @llvm.abs.i32(i32 %a, i1 false)
  %o13 = call ptr @put(ptr %o12, i32 %i13)
  %i14 = call i32 @llvm.uadd.sat.i32(i32 %a, i32 %b)
  %o14 = call ptr @put(ptr %o13, i32 %i14)
  %i15 = call i32 @llvm.ssub.sat.i32(i32 %a, i32 %b)
  %o15 = call ptr @put(ptr %o14, i32 %i15)

  ; of 64
  %w0 = mul i64 %c, %bz
  %p0 = call ptr @put64(ptr %o15, i64 %w0)
  %w1 = sdiv i64 %c, %oddw
  %p1 = call ptr @put64(ptr %p0, i64 %w1)
  %w2 = urem i64 %c, 1000000007
  %p2 = call ptr @put64(ptr %p1, i64 %w2)
  %w3 = call i64 @llvm.fshr.i64(i64 %c, i64 %aw, i64 %bz)
  %p3 = call ptr @put64(ptr %p2, i64 %w3)
  %w4 = call i64 @llvm.ctlz.i64(i64 %c, i1 false)
  %p4 = call ptr @put64(ptr %p3, i64 %w4)
  %w5 = call i64 @llvm.umin.i64(i64 %c, i64 %aw)
  %p5 = call ptr @put64(ptr %p4, i64 %w5)
  %aww = sext i64 %c to i128
  %bww = sext i64 %aw to i128
  %product = mul i128 %aww, %bww
  %top = lshr i128 %product, 64
  %w6 = trunc i128 %top to i64
  %p6 = call ptr @put64(ptr %p5, i64 %w6)

  ; of 16 and 8
  %as = trunc i32 %a to i16
  %bs = trunc i32 %b to i16
  %s0 = mul i16 %as, %bs
  %q0 = call ptr @put16(ptr %p6, i16 %s0)
  %s1 = sub i16 %as, %bs
  %q1 = call ptr @put16(ptr %q0, i16 %s1)
  %s2 = ashr i16 %as, 3
  %q2 = call ptr @put16(ptr %q1, i16 %s2)
  %s3 = call i16 @llvm.smin.i16(i16 %as, i16 %bs)
  %q3 = call ptr @put16(ptr %q2, i16 %s3)
  %ac = trunc i32 %a to i8
  %bc = trunc i32 %b to i8
  %sum8 = add i8 %ac, %bc
  %s4 = sext i8 %sum8 to i16
  %q4 = call ptr @put16(ptr %q3, i16 %s4)
  %quotient8 = udiv i8 %ac, 7
  %s5 = zext i8 %quotient8 to i16
  %q5 = call ptr @put16(ptr %q4, i16 %s5)

  ; floats
  %f0 = fadd float %x, %y
  %r0 = call ptr @putf(ptr %q5, float %f0)
  %f1 = fdiv float %x, %y
  %r1 = call ptr @putf(ptr %r0, float %f1)
  %f2 = call float @llvm.fma.f32(float %x, float %y, float %x)
  %r2 = call ptr @putf(ptr %r1, float %f2)
  %positive = call float @llvm.fabs.f32(float %x)
  %f3 = call float @llvm.sqrt.f32(float %positive)
  %r3 = call ptr @putf(ptr %r2, float %f3)
  %f4 = call float @llvm.floor.f32(float %x)
  %r4 = call ptr @putf(ptr %r3, float %f4)
  %f5 = call float @llvm.ceil.f32(float %y)
  %r5 = call ptr @putf(ptr %r4, float %f5)
  %f6 = call float @llvm.trunc.f32(float %x)
  %r6 = call ptr @putf(ptr %r5, float %f6)
  %f7 = call float @llvm.rint.f32(float %y)
  %r7 = call ptr @putf(ptr %r6, float %f7)
  %f8 = call float @llvm.maxnum.f32(float %x, float %y)
  %r8 = call ptr @putf(ptr %r7, float %f8)
  %f9 = call float @llvm.minimum.f32(float %x, float %y)
  %r9 = call ptr @putf(ptr %r8, float %f9)
  %f10 = call float @llvm.copysign.f32(float %x, float %y)
  %r10 = call ptr @putf(ptr %r9, float %f10)
  %f11 = fneg float %x
  %r11 = call ptr @putf(ptr %r10, float %f11)

  ; doubles
  %xd = fpext float %x to double
  %yd = fpext float %y to double
  %d0 = fmul double %xd, %yd
  %t0 = call ptr @putd(ptr %r11, double %d0)
  %d1 = fdiv double %xd, %yd
  %t1 = call ptr @putd(ptr %t0, double %d1)
  %d2 = call double @llvm.fma.f64(double %d1, double %yd, double %xd)
  %t2 = call ptr @putd(ptr %t1, double %d2)
  %aPositive = and i32 %a, 2147483647
  %d3 = uitofp i32 %aPositive to double
  %d4 = call double @llvm.sqrt.f64(double %d3)
  %t3 = call ptr @putd(ptr %t2, double %d4)

  ; conversions, in range
  %g0 = sitofp i32 %a to float
  %u0 = call ptr @putf(ptr %t3, float %g0)
  %g1 = uitofp i64 %c to float
  %u1 = call ptr @putf(ptr %u0, float %g1)
  %g2 = sitofp i64 %c to double
  %u2 = call ptr @putd(ptr %u1, double %g2)
  %scaled = fdiv float %g0, 3.0
  %g3 = fptosi float %scaled to i32
  %u3 = call ptr @put(ptr %u2, i32 %g3)
  %g4 = fptosi double %g2 to i64
  %u4 = call ptr @put64(ptr %u3, i64 %g4)
  %g5 = fptrunc double %d4 to float
  %u5 = call ptr @putf(ptr %u4, float %g5)

  ; halves
  %xh = fptrunc float %x to half
  %yh = fptrunc float %y to half
  %h0 = fadd half %xh, %yh
  %v0 = call ptr @puth(ptr %u5, half %h0)
  %h1 = fmul half %xh, %yh
  %v1 = call ptr @puth(ptr %v0, half %h1)
  %h2 = fptrunc double %d1 to half
  %v2 = call ptr @puth(ptr %v1, half %h2)

  ; comparisons and choices
  %k0 = fcmp olt float %x, %y
  %k1 = fcmp ueq float %x, %y
  %k2 = fcmp ord float %x, %y
  %k3 = icmp ult i32 %a, %b
  %k4 = icmp sge i64 %c, %aw
  %k5 = icmp ne i16 %as, %bs
  %l0 = xor i1 %k0, %k3
  %l1 = or i1 %k1, %k4
  %l2 = and i1 %k2, %k5
  %l3 = and i1 %l0, %l1
  %m0 = select i1 %l3, i32 %a, i32 %b
  %z0 = call ptr @put(ptr %v2, i32 %m0)
  %m1 = select i1 %l2, i64 %c, i64 %aw
  %z1 = call ptr @put64(ptr %z0, i64 %m1)
  %m2 = zext i1 %l1 to i32
  %z2 = call ptr @put(ptr %z1, i32 %m2)
  %m3 = select i1 %l0, i16 %as, i16 %bs
  %z3 = call ptr @put16(ptr %z2, i16 %m3)
  ret void
}
