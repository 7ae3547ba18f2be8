/* speller.c - a library as heedc makes them, around the program of Speller.h: a text in, a text and two matrices out. */
#include "test/runtime/Inputs/Speller.h"

const heed_program *heed_library_program(void);
const heed_program *heed_library_program(void) { return &spellerProgram; }
