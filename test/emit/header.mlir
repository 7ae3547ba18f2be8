// The header declares what a C program needs: sizes, alphabets, and a typed function; names that C or C++ keeps for itself are changed.
// RUN: heedc --from=heed %s --emit=header | FileCheck %s
// RUN: heedc --from=heed %s -o %t.h
// RUN: %cc -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c %t.h
// RUN: %cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c %t.h
// RUN: %cxx -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ %t.h
// RUN: %cxx -std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ %t.h

// CHECK: the model 'translate', compiled by heedc
// CHECK: * Inputs
// CHECK-NEXT: *   source: int32_t [m], positions in the alphabet
// CHECK-NEXT: *   class: float []
// CHECK: * Outputs
// CHECK-NEXT: *   target: int32_t [t], positions in the alphabet
// CHECK-NEXT: *   alpha: float [2 * t + 1, m - 3]
// CHECK-NEXT: *   mask: uint8_t [7]
// CHECK: * Sizes
// CHECK-NEXT: *   m: 4 to 64
// CHECK-NEXT: *   t: set by the run, at most 32
// CHECK-NEXT: *   n: 0 or more
// CHECK: * Parameters
// CHECK-NEXT: *   block.3.wq: float [8, 16], from encoder.* /3/ *.wq
// CHECK: extern const heed_program translate_program;
// CHECK: #define TRANSLATE_M_MAX 64
// CHECK-NEXT: #define TRANSLATE_T_MAX 32
// CHECK-NEXT: #define TRANSLATE_SOURCE_ALPHABET "a\"\\\?\303\251"
// CHECK-NEXT: #define TRANSLATE_TARGET_ALPHABET "xy"
// CHECK: static inline heed_status translate_run(heed_model *model, const int32_t *source, int64_t m, const float *class_, const float *rest, int64_t n, int32_t *target, float *alpha, uint8_t *mask, int64_t *t) {
// CHECK-NEXT:   heed_tensor inputs[3] = {
// CHECK-NEXT:       {(void *)source, HEED_I32, 1, {m}},
// CHECK-NEXT:       {(void *)class_, HEED_F32, 0, {0}},
// CHECK-NEXT:       {(void *)rest, HEED_F32, 2, {n, 2}},
// CHECK:   heed_tensor outputs[3] = {
// CHECK-NEXT:       {(void *)target, HEED_I32, 1, {32}},
// CHECK-NEXT:       {(void *)alpha, HEED_F32, 2, {2 * 32 + 1, m - 3}},
// CHECK-NEXT:       {(void *)mask, HEED_BOOL, 1, {7}},
// CHECK:   if (status == HEED_OK && t)
// CHECK-NEXT:     *t = outputs[0].shape[0];
module attributes {heed.program = {
    name = "translate",
    dims = [{name = "m", min = 4 : i64, max = 64 : i64, until = false}, {name = "t", max = 32 : i64, until = true},
            {name = "n", max = -1 : i64, until = false}],
    inputs = [{name = "source", type = i32, shape = affine_map<(m, t, n) -> (m)>, alphabet = "a\22\5C?\C3\A9"},
              {name = "class", type = f32, shape = affine_map<(m, t, n) -> ()>, alphabet = ""},
              {name = "rest", type = f32, shape = affine_map<(m, t, n) -> (n, 2)>, alphabet = ""}],
    outputs = [{name = "target", type = i32, shape = affine_map<(m, t, n) -> (t)>, alphabet = "xy"},
               {name = "alpha", type = f32, shape = affine_map<(m, t, n) -> (t * 2 + 1, m - 3)>, alphabet = ""},
               {name = "mask", type = i1, shape = affine_map<(m, t, n) -> (7)>, alphabet = ""}],
    params = [{name = "block.3.wq", from = "encoder.*/3/*.wq", type = f32, shape = affine_map<(m, t, n) -> (8, 16)>}],
    checks = []}} {
}
