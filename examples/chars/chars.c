/* chars.c - the compiled chars model in a C program: writes on from a text, the likeliest character each time or, with a
 * seed, one drawn with the probabilities at temperature 1/2.
 *
 *   heedc chars.heed --model=chars -o chars.a -h chars.h
 *   cc chars.c chars.a -lm -lpthread -I. -I"$(heedc --print-include-dir)" -o chars
 *   ./chars chars.safetensors "The morning was " 200 6
 */
#include "chars.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHARACTERS = sizeof CHARS_TOKENS_ALPHABET - 1, ROW = 4 * 4 * 32 }; /* a position of a cache: layers, heads, width */

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, heed_last_error());
  return 1;
}

/* What a run reads and what it writes: two of each, in turns. */
typedef struct cache {
  float *keys, *values;
} cache;

static int allocate(cache *c, int64_t positions) {
  c->keys = calloc((size_t)positions * ROW, sizeof(float));
  c->values = calloc((size_t)positions * ROW, sizeof(float));
  return c->keys && c->values;
}

static int32_t likeliest(const float *logits) {
  int32_t best = 0;
  for (int32_t k = 1; k < CHARACTERS; ++k)
    if (logits[k] > logits[best])
      best = k;
  return best;
}

static int32_t drawn(const float *logits, uint64_t *state) {
  float largest = logits[likeliest(logits)], weights[CHARACTERS], total = 0;
  for (int32_t k = 0; k < CHARACTERS; ++k)
    total += weights[k] = expf((logits[k] - largest) * 2);
  *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's linear congruential generator */
  float place = (float)(*state >> 40) / (float)(1 << 24) * total;
  int32_t k = 0;
  while (k + 1 < CHARACTERS && (place -= weights[k]) >= 0)
    ++k;
  return k;
}

static int write_on(heed_model *model, const char *start, int64_t count, uint64_t seed) {
  static int32_t tokens[CHARS_N_MAX];
  static float logits[CHARS_N_MAX * CHARACTERS];
  int64_t n = CHARS_N_MAX;
  if (heed_encode_text(CHARS_TOKENS_ALPHABET, start, tokens, &n))
    return fail(start);
  int64_t positions = n + count;
  if (n == 0 || positions > CHARS_M_MAX) {
    fprintf(stderr, "a text of 1 to %d characters in all can be written, not of %lld\n", CHARS_M_MAX, (long long)positions);
    return 1;
  }
  cache now = {0}, next = {0};
  int failed = !allocate(&now, positions) || !allocate(&next, positions);
  fputs(start, stdout);
  /* All characters of the start at once, then the new ones one by one. */
  for (int32_t past = 0; !failed && count > 0; --count) {
    char text[2];
    failed = chars_run(model, tokens, n, now.keys, positions, now.values, &past, logits, next.keys, next.values);
    if (failed)
      break;
    past += (int32_t)n;
    const float *last = logits + (n - 1) * CHARACTERS;
    tokens[0] = seed ? drawn(last, &seed) : likeliest(last);
    n = 1;
    heed_decode_text(CHARS_TOKENS_ALPHABET, tokens, 1, text, sizeof text);
    fputs(text, stdout);
    cache written = next;
    next = now;
    now = written;
  }
  putchar('\n');
  free(now.keys), free(now.values), free(next.keys), free(next.values);
  return failed ? fail(start) : 0;
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 5) {
    fprintf(stderr, "usage: %s chars.safetensors START COUNT [SEED]\n", argv[0]);
    return 2;
  }
  heed_model *model;
  if (heed_create(&chars_program, NULL, &model) || heed_bind_file(model, argv[1]))
    return fail(argv[1]);
  int failed = write_on(model, argv[2], strtol(argv[3], NULL, 10), argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
  heed_destroy(model);
  return failed;
}
