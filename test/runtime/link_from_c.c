/* RUN: %cc -std=c99 -Wall -Wextra -pedantic -Werror %s %heedrt -o %t
 * RUN: %t
 * RUN: llvm-readelf --needed-libs %t | FileCheck %s
 * A C program needs the archive, libc, libm and libpthread, and nothing of C++.
 * CHECK: NeededLibraries [
 * CHECK-NOT: stdc++
 * CHECK-NOT: gcc_s
 * CHECK: libc.so
 */
#include "Inputs/Mixer.h"

int main(void) {
  heed_model *model = NULL;
  static MixerData data;
  CHECK(strcmp(heed_last_error(), "") == 0);
  CHECK(strlen(heed_version()) > 0);
  CHECK(heed_create(&mixerProgram, NULL, &model) == HEED_OK);
  CHECK(heed_program_of(model) == &mixerProgram);
  CHECK(mixerBind(model) == HEED_OK);
  mixerFill(&data, 64, 1);
  CHECK(heed_run(model, 1, data.inputs, data.outputs) == HEED_OK);
  CHECK(mixerIsRight(&data, 64));
  heed_destroy(model);
  heed_destroy(NULL);
  return finish();
}
