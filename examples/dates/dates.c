/* dates.c - the compiled dates model in a C program: prints the ISO date of every argument and its alignment.
 *
 *   heedc dates.heed -o dates.a -h dates.h
 *   cc dates.c dates.a -lm -lpthread -I. -I"$(heedc --print-include-dir)" -o dates
 *   ./dates dates.safetensors "Tuesday, 3rd of May 1979"
 */
#include "dates.h"

#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, heed_last_error());
  return 1;
}

/* One row for each character written, one column for each character read; the darker, the more it was looked at. */
static void draw(const char *read, const char *written, const float *alpha, int64_t rows, int64_t columns) {
  static const char *shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  printf("   ");
  for (int64_t j = 0; j < columns; ++j)
    printf("%c ", read[j]);
  printf("\n");
  for (int64_t i = 0; i < rows; ++i) {
    printf(" %c ", written[i]);
    for (int64_t j = 0; j < columns; ++j)
      printf("%s", shades[(int)(alpha[i * columns + j] * 4.0f + 0.5f)]);
    printf("\n");
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s dates.safetensors DATE...\n", argv[0]);
    return 2;
  }
  heed_model *model;
  if (heed_create(&dates_program, NULL, &model) || heed_bind_file(model, argv[1]))
    return fail(argv[1]);
  for (int k = 2; k < argc; ++k) {
    int32_t source[DATES_M_MAX], target[DATES_T_MAX];
    float alpha[DATES_T_MAX * DATES_M_MAX];
    int64_t m = DATES_M_MAX, t;
    char date[DATES_T_MAX + 1];
    if (heed_encode_text(DATES_SOURCE_ALPHABET, argv[k], source, &m) || dates_run(model, source, m, target, alpha, &t) ||
        heed_decode_text(DATES_TARGET_ALPHABET, target, t, date, sizeof date))
      return fail(argv[k]);
    date[strcspn(date, "\n")] = '\0'; /* the end of the date is a character of its own */
    printf("%s\n", date);
    draw(argv[k], date, alpha, (int64_t)strlen(date), m);
  }
  heed_destroy(model);
  return 0;
}
