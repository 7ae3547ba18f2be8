/* scale.c - runs the model of scale.mlir through its header; compiled as C and as C++. */
#include "scale.h"

#include <stdio.h>

int main(void) {
  const float w = 2.5f;
  const heed_tensor weight = {(void *)&w, HEED_F32, 1, {1}};
  float x[3] = {1.0f, 2.0f, 3.0f}, y[3] = {0.0f, 0.0f, 0.0f};
  heed_model *model = NULL;
  if (heed_create(&scale_program, NULL, &model) != HEED_OK)
    return puts(heed_last_error()), 1;
  printf("unbound: %s\n", heed_status_name(scale_run(model, x, 3, y)));
  if (heed_bind(model, "layer.w", &weight) != HEED_OK)
    return puts(heed_last_error()), 1;
  if (scale_run(model, x, 3, y) != HEED_OK)
    return puts(heed_last_error()), 1;
  printf("y = %g %g %g\n", y[0], y[1], y[2]);
  x[0] = -1.0f;
  printf("check: %s: %s\n", heed_status_name(scale_run(model, x, 3, y)), heed_last_error());
  printf("at most %d, one more: %s\n", SCALE_N_MAX, heed_status_name(scale_run(model, x, SCALE_N_MAX + 1, y)));
  heed_destroy(model);
  return 0;
}
