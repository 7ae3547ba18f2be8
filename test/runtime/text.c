/* RUN: %cc -std=c99 -Wall -Wextra -Werror %s %heedrt -o %t && %t
 * Text to values of an alphabet and back: one to four bytes a character, room, and everything that is not UTF-8. */
#include "Inputs/Check.h"

int main(void) {
  const char *alphabet = "ab\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n"; /* a b e-acute euro smile newline */
  int32_t values[8];
  int64_t count = 8;
  char text[32];
  size_t i;
  CHECK(heed_encode_text(alphabet,
                         "\xF0\x9F\x98\x80\xE2\x82\xAC"
                         "ba\xC3\xA9\n",
                         values, &count) == HEED_OK &&
        count == 6);
  CHECK(values[0] == 4 && values[1] == 3 && values[2] == 1 && values[3] == 0 && values[4] == 2 && values[5] == 5);
  CHECK(heed_decode_text(alphabet, values, 6, text, sizeof text) == HEED_OK);
  CHECK(strcmp(text, "\xF0\x9F\x98\x80\xE2\x82\xAC"
                     "ba\xC3\xA9\n") == 0);
  count = 8;
  CHECK(heed_encode_text(alphabet, "", values, &count) == HEED_OK && count == 0);
  CHECK(heed_decode_text(alphabet, NULL, 0, text, 1) == HEED_OK && text[0] == 0);

  /* The number needed, before there is room. */
  count = 0;
  CHECK_FAILS(heed_encode_text(alphabet, "abba", NULL, &count), HEED_E_SHAPE, "4 characters, there is room for 0");
  CHECK(count == 4);
  count = 3;
  values[0] = 77;
  CHECK_FAILS(heed_encode_text(alphabet, "abba", values, &count), HEED_E_SHAPE, "room for 3");
  CHECK(values[0] == 77 && count == 4);
  values[0] = 4;
  memset(text, 'x', sizeof text);
  CHECK_FAILS(heed_decode_text(alphabet, values, 1, text, 4), HEED_E_SHAPE, "needs 5 bytes, there is room for 4");
  CHECK(text[0] == 'x');
  CHECK_FAILS(heed_decode_text(alphabet, values, 1, text, 0), HEED_E_SHAPE, "room for 0");
  CHECK(heed_decode_text(alphabet, values, 1, text, 5) == HEED_OK);

  count = 8;
  CHECK_FAILS(heed_encode_text(alphabet, "ab\xC3\xBC", values, &count), HEED_E_TEXT,
              "character 3 of the text, '\xC3\xBC'");
  values[0] = 6;
  CHECK_FAILS(heed_decode_text(alphabet, values, 1, text, sizeof text), HEED_E_TEXT, "value 6 at position 0");
  values[0] = -1;
  CHECK_FAILS(heed_decode_text(alphabet, values, 1, text, sizeof text), HEED_E_TEXT, "value -1");
  values[0] = INT32_MAX;
  CHECK_FAILS(heed_decode_text(alphabet, values, 1, text, sizeof text), HEED_E_TEXT, "not in the alphabet");
  {
    /* A lone continuation, overlong forms, a surrogate, beyond U+10FFFF, cut sequences. */
    static const char *const bad[] = {"a\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "a\xC3",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "\xC3"
                                      "a"};
    for (i = 0; i < sizeof bad / sizeof *bad; ++i) {
      count = 8;
      CHECK_FAILS(heed_encode_text(alphabet, bad[i], values, &count), HEED_E_TEXT, "not UTF-8 at byte");
      CHECK(count == 8);
      CHECK_FAILS(heed_encode_text(bad[i], "z", values, &count), HEED_E_TEXT, "alphabet is not UTF-8");
    }
  }
  CHECK_FAILS(heed_encode_text(NULL, "", values, &count), HEED_E_NULL, "alphabet");
  CHECK_FAILS(heed_encode_text("", NULL, values, &count), HEED_E_NULL, "text");
  CHECK_FAILS(heed_encode_text("", "", values, NULL), HEED_E_NULL, "count");
  CHECK_FAILS(heed_encode_text("", "", NULL, &count), HEED_E_NULL, "values");
  CHECK_FAILS(heed_decode_text(NULL, values, 0, text, 1), HEED_E_NULL, "alphabet");
  CHECK_FAILS(heed_decode_text("", NULL, 1, text, 1), HEED_E_NULL, "values");
  CHECK_FAILS(heed_decode_text("", values, 0, NULL, 1), HEED_E_NULL, "text");
  CHECK_FAILS(heed_decode_text("", values, -1, text, 1), HEED_E_ARGUMENT, "count is -1");
  return finish();
}
