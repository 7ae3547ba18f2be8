// Runs scalars.ll on the host with the words of the command line, and prints as heed-gpusim-launch does.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void scalars(uint32_t const *in, uint32_t *out);

enum { Results = 72 };

int main(int count, char **words) {
  uint32_t in[4] = {0}, out[Results] = {0};
  for (int at = 1; at < count && at <= 4; ++at)
    in[at - 1] = (uint32_t)strtoul(words[at], NULL, 0);
  scalars(in, out);
  printf("x32:");
  for (int at = 0; at < Results; ++at)
    printf(" %08x", out[at]);
  printf("\n");
}
