// RUN: heed-opt %s --split-input-file --verify-diagnostics
// Every labelled constraint of the operations has its message.

func.func @define_c1(%x: f32) {
  // expected-error @below {{expected one size per dynamic axis of 'tensor<?xf32>', found 0}}
  %r = heed.define() value (%i) {
    heed.yield %x : f32
  } : tensor<?xf32>
  return
}

// -----

func.func @define_c2(%x: f32) {
  // expected-error @below {{expected 2 index arguments of 'value'}}
  %r = heed.define() value (%i) {
    heed.yield %x : f32
  } : tensor<2x2xf32>
  return
}

// -----

func.func @define_c3(%x: f32) {
  // expected-error @below {{expected 'where' to yield 'i1', found 'f32'}}
  %r = heed.define() where (%i) {
    heed.yield %x : f32
  } value (%i) {
    heed.yield %x : f32
  } : tensor<2xf32>
  return
}

// -----

func.func @define_c4(%x: f32) {
  // expected-error @below {{expected 'value' to yield 'i32', found 'f32'}}
  %r = heed.define() value (%i) {
    heed.yield %x : f32
  } : tensor<2xi32>
  return
}

// -----

func.func @softmax_axis(%x: f32) {
  // expected-error @below {{expected an axis of 'tensor<2xf32>', found 1}}
  %r = heed.softmax axis = 1() value (%i) {
    heed.yield %x : f32
  } : tensor<2xf32>
  return
}

// -----

func.func @softmax_element(%x: i32) {
  // expected-error @below {{expected float elements, found 'i32'}}
  %r = heed.softmax axis = 0() value (%i) {
    heed.yield %x : i32
  } : tensor<2xi32>
  return
}

// -----

func.func @reduce_c1(%x: f32, %n: index) {
  // expected-error @below {{expected exactly one size, found 2}}
  %r = heed.reduce argmax(%n, %n) value (%i, %j) {
    heed.yield %x : f32
  } : index
  return
}

// -----

func.func @reduce_c4(%x: f32, %n: index) {
  // expected-error @below {{expected 'value' to yield 'i1', found 'f32'}}
  %r = heed.reduce any(%n) value (%i) {
    heed.yield %x : f32
  } : f32
  return
}

// -----

func.func @reduce_c5(%x: f32, %n: index) {
  // expected-error @below {{expected a result of type 'index', found 'f32'}}
  %r = heed.reduce argmax(%n) value (%i) {
    heed.yield %x : f32
  } : f32
  return
}

// -----

func.func @check_c3(%s: i32, %c: i1, %n: index) {
  // expected-error @below {{expected an index that is not negative, found -1}}
  %r = heed.check "x" index = -1 after %s(%n) value (%i) {
    heed.yield %c : i1
  }
  return
}

// -----

func.func @scan_c1(%n: index, %x: f32) {
  // expected-error @below {{expected a body with an index argument and the states ('f32')}}
  %r = heed.scan (%n) states(%x : f32) body (%t) {
    heed.yield %x : f32
  } -> f32
  return
}

// -----

func.func @scan_c2(%n: index, %x: f32, %y: i32) {
  // expected-error @below {{expected the body to yield the states ('f32')}}
  %r = heed.scan (%n) states(%x : f32) body (%t, %s: f32) {
    heed.yield %y : i32
  } -> f32
  return
}

// -----

func.func @scan_c3(%n: index, %x: f32, %c: i1) {
  // expected-error @below {{expected the number of steps as a result exactly if the body yields 'until'}}
  %r = heed.scan (%n) states(%x : f32) body (%t, %s: f32) {
    heed.yield %s : f32 until %c
  } -> f32
  return
}

// -----

func.func @scan_c4(%n: index, %x: f32, %c: i1) {
  // expected-error @below {{expected no 'until' in a backward scan}}
  %r, %k = heed.scan (%n) backward states(%x : f32) body (%t, %s: f32) {
    heed.yield %s : f32 until %c
  } -> f32 until
  return
}

// -----

func.func @yield_c1(%x: f32, %c: i1) {
  %r = heed.define() value (%i) {
    // expected-error @below {{expected 'until' only in 'heed.scan'}}
    heed.yield %x : f32 until %c
  } : tensor<2xf32>
  return
}

// -----

func.func @attention_c2(%n: index, %x: tensor<?x8xf32>) {
  // expected-error @below {{expected indexing map 0 with 2 results}}
  %r = heed.attention(%n, %n, %n) ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>)
    indexing_maps = [affine_map<(i, j, e) -> (j)>, affine_map<(i, j, e) -> (i, e)>]
    score (%i, %j) {
      %s = arith.constant 0.0 : f32
      heed.yield %s : f32
    } -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c3(%n: index, %x: tensor<?x8xf32>) {
  // expected-error @below {{expected a value over (b.., j, e) and an init over (b.., i, e)}}
  %r = heed.attention(%n, %n, %n) ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>)
    indexing_maps = [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (i, e)>]
    score (%i, %j) {
      %s = arith.constant 0.0 : f32
      heed.yield %s : f32
    } -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c5(%n: index, %x: tensor<?x8xf32>) {
  // expected-error @below {{expected 2 index arguments of 'score' and the dot product}}
  %r = heed.attention(%n, %n, %n, %n) ins(%x, %x, %x : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
    outs(%x : tensor<?x8xf32>)
    indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                     affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
    score (%i, %j) {
      %s = arith.constant 0.0 : f32
      heed.yield %s : f32
    } -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c7(%n: index, %x: tensor<?x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @below {{expected only tensors or only buffers}}
  heed.attention(%n, %n, %n) ins(%x : tensor<?x8xf32>) outs(%y : memref<?x8xf32>)
    indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
    score (%i, %j) {
      %s = arith.constant 0.0 : f32
      heed.yield %s : f32
    }
  return
}

// -----

func.func @attention_c8(%n: index, %x: tensor<?x8xf32>) {
  // expected-error @below {{expected the init's map to be a projected permutation}}
  %r = heed.attention(%n, %n, %n) ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>)
    indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i * 2, e)>]
    score (%i, %j) {
      %s = arith.constant 0.0 : f32
      heed.yield %s : f32
    } -> tensor<?x8xf32>
  return
}

// -----

func.func @pack_c2(%w: tensor<4x8xf32>, %p: tensor<1x4x?xf32>) {
  // expected-error @below {{expected a static width}}
  %r = heed.pack ins(%w : tensor<4x8xf32>) outs(%p : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  return
}

// -----

func.func @pack_c3(%w: tensor<4x9xf32>, %p: tensor<1x4x8xf32>) {
  // expected-error @below {{expected panels that cover 'tensor<4x9xf32>', found 'tensor<1x4x8xf32>'}}
  %r = heed.pack ins(%w : tensor<4x9xf32>) outs(%p : tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return
}

// -----

func.func @matmul_c1(%a: tensor<4xf32>, %p: tensor<1x4x8xf32>, %c: tensor<8xf32>) {
  // expected-error @below {{expected an init of as many axes as the left side, at least one (transposed: two)}}
  %r = heed.matmul transposed ins(%a, %p : tensor<4xf32>, tensor<1x4x8xf32>) outs(%c : tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @matmul_c3_transposed(%a: tensor<3x4xf32>, %p: tensor<1x4x8xf32>, %c: tensor<3x8xf32>) {
  // expected-error @below {{expected sizes that agree}}
  %r = heed.matmul transposed ins(%a, %p : tensor<3x4xf32>, tensor<1x4x8xf32>) outs(%c : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<3x5xf32>, %p: tensor<1x4x8xf32>, %c: tensor<3x8xf32>) {
  // expected-error @below {{expected sizes that agree}}
  %r = heed.matmul ins(%a, %p : tensor<3x5xf32>, tensor<1x4x8xf32>) outs(%c : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c4(%a: tensor<3x4xf16>, %p: tensor<1x4x8xf32>, %c: tensor<3x8xf32>) {
  // expected-error @below {{expected f32 elements}}
  %r = heed.matmul ins(%a, %p : tensor<3x4xf16>, tensor<1x4x8xf32>) outs(%c : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @topk_c1(%x: tensor<3x?xf32>, %o: tensor<4x2xi32>) {
  // expected-error @below {{expected an init with the axes of the source before the last, found 'tensor<3x?xf32>' and 'tensor<4x2xi32>'}}
  %r = heed.topk ins(%x : tensor<3x?xf32>) outs(%o : tensor<4x2xi32>) -> tensor<4x2xi32>
  return
}

// -----

func.func @topk_c2(%x: tensor<3x?xf32>, %o: tensor<3x?xi32>) {
  // expected-error @below {{expected a static number of places, found 'tensor<3x?xi32>'}}
  %r = heed.topk ins(%x : tensor<3x?xf32>) outs(%o : tensor<3x?xi32>) -> tensor<3x?xi32>
  return
}

// -----

func.func @topk_c3(%x: tensor<3x5xf32>, %c: tensor<3x4xi1>, %o: tensor<3x2xi32>) {
  // expected-error @below {{expected conditions of the sizes of the source, found 'tensor<3x4xi1>'}}
  %r = heed.topk ins(%x, %c : tensor<3x5xf32>, tensor<3x4xi1>) outs(%o : tensor<3x2xi32>) -> tensor<3x2xi32>
  return
}

// -----

func.func @topk_c4(%x: tensor<3x5xf32>, %o: tensor<3x2xf32>) {
  // expected-error @below {{expected numbers and places of type i32, found 'tensor<3x5xf32>' and 'tensor<3x2xf32>'}}
  %r = heed.topk ins(%x : tensor<3x5xf32>) outs(%o : tensor<3x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @topk_c5(%x: tensor<3x5xf32>, %o: memref<3x2xi32>) {
  // expected-error @below {{expected only tensors or only buffers}}
  heed.topk ins(%x : tensor<3x5xf32>) outs(%o : memref<3x2xi32>)
  return
}

// -----

func.func @attention_c9(%n: index, %x: tensor<?x8xf32>) {
  // expected-error @below {{expected 1 index arguments of 'combine' and the elements of query and key}}
  %r = heed.attention(%n, %n, %n, %n) ins(%x, %x, %x : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
      outs(%x : tensor<?x8xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      combine (%i, %j, %d, %a: f32, %b: f32) {
        heed.yield %a : f32
      } score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      } -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c9_without_query(%n: index, %x: tensor<?x8xf32>, %one: f32) {
  // expected-error @below {{expected 'combine' only with query and key}}
  %r = heed.attention(%n, %n, %n) ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      combine (%d, %a: f32, %b: f32) {
        heed.yield %a : f32
      } score (%i, %j) {
        heed.yield %one : f32
      } -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c10(%n: index, %x: tensor<?x8xf32>, %one: f32) {
  // expected-error @below {{expected no 'rest' beside plain weights}}
  %r = heed.attention(%n, %n, %n) plain ins(%x : tensor<?x8xf32>) outs(%x : tensor<?x8xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      score (%i, %j) {
        heed.yield %one : f32
      } rest (%i) {
        heed.yield %one : f32
      } -> tensor<?x8xf32>
  return
}

// -----

func.func @softmax_c6(%n: index, %one: f32) {
  // expected-error @below {{expected 1 index arguments of 'rest'}}
  %w = heed.softmax axis = 1(%n, %n) value (%i, %j) {
    heed.yield %one : f32
  } rest (%i, %j) {
    heed.yield %one : f32
  } : tensor<?x?xf32>
  return
}
