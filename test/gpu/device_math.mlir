// RUN: heed-opt %s --heed-device-math | FileCheck %s
// Nothing is left to a library.

// CHECK-LABEL: func @power
// CHECK-NOT:     math.powf
// CHECK:         arith.truncf %{{.*}} : f64 to f32
func.func @power(%x: f32, %y: f32) -> f32 {
  %r = math.powf %x, %y : f32
  return %r : f32
}

// CHECK-LABEL: func @far
// CHECK-NOT:     math.sin
// CHECK:         return
func.func @far(%x: f32) -> f32 {
  %r = math.sin %x {heed.library} : f32
  return %r : f32
}

// Within the limit, heed-expand-math does it.
// CHECK-LABEL: func @near
// CHECK:         math.sin
func.func @near(%x: f32) -> f32 {
  %r = math.sin %x : f32
  return %r : f32
}
