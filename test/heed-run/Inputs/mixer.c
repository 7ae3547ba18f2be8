/* mixer.c - a library as heedc makes them, around the program of Mixer.h: parameters, reals and booleans. */
#include "test/runtime/Inputs/Mixer.h"

const heed_program *heed_library_program(void);
const heed_program *heed_library_program(void) { return &mixerProgram; }
