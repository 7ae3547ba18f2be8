// RUN: %cxx -std=c++17 -Wall -Wextra -Werror %s %heedrt -o %t && %t
// The C++ wrapper: values in, values out, failures as exceptions with the status.
#include "heed/heed.hpp"

#include "Inputs/Mixer.h"
#include "Inputs/Speller.h"

int main() {
  heed::Model model(spellerProgram, 2);
  heed::Model other = std::move(model);
  model = std::move(other);
  std::vector<heed::Tensor> outputs = model({heed::encode(SPELLER_ALPHABET, "ab.cd")});
  CHECK(heed::decode(SPELLER_ALPHABET, outputs[0]) == "ab.");
  CHECK((outputs[1].shape() == std::vector<int64_t>{3, 5}) && outputs[1].data<float>()[2 * 5 + 4] == 204);
  CHECK((outputs[2].shape() == std::vector<int64_t>{5, 3}) && outputs[2].data<float>()[4 * 3 + 2] == 4002);
  auto batch = model.run({{heed::encode(SPELLER_ALPHABET, "a.")}, {heed::encode(SPELLER_ALPHABET, "")}});
  CHECK(batch.size() == 2 && batch[0][0].size() == 2 && batch[1][0].size() == 1);
  CHECK(model.run({}).empty());

  auto statusOf = [](auto call) {
    try {
      call();
    } catch (const heed::Error &error) {
      return error.what()[0] ? error.status() : HEED_OK;
    }
    return HEED_OK;
  };
  CHECK(statusOf([&] { model({heed::encode(SPELLER_ALPHABET, "ab\xC3\xA9")}); }) == HEED_E_INDEX);
  CHECK(statusOf([&] { model({heed::Tensor({2}, std::vector<float>{1, 2})}); }) == HEED_E_DTYPE);
  CHECK(statusOf([&] { model({}); }) == HEED_E_ARGUMENT);
  CHECK(statusOf([&] { heed::encode("ab", "xyz"); }) == HEED_E_TEXT);
  CHECK(statusOf([&] { outputs[0].data<float>(); }) == HEED_E_DTYPE);
  CHECK(statusOf([&] { heed::Tensor(HEED_F32, {-1}); }) == HEED_E_SHAPE);
  CHECK(statusOf([&] { heed::Tensor(HEED_F32, {1ll << 40, 1ll << 40}); }) == HEED_E_SHAPE);
  CHECK(statusOf([&] { heed::Tensor({3}, std::vector<float>{1}); }) == HEED_E_SHAPE);
  CHECK(statusOf([&] { heed::Model broken((heed_program())); }) == HEED_E_ABI);

  heed::Tensor halves({3}, std::vector<heed::Float16>{{0x3C00}, {0xC000}, {0}}); // 1, -2, 0
  CHECK(halves.type() == HEED_F16 && halves.get().shape[0] == 3 && halves.data<heed::Float16>()[1].bits == 0xC000);
  CHECK(heed::Tensor(HEED_BF16, {2, 3}).data<heed::BFloat16>()[5].bits == 0);
  CHECK(statusOf([&] { halves.data<heed::BFloat16>(); }) == HEED_E_DTYPE);

  heed::Model mixer(mixerProgram);
  CHECK(statusOf([&] { mixer.bindFile("/nonexistent.safetensors"); }) == HEED_E_FILE);
  mixer.bind("mix.w", heed::Tensor({4, 4}, std::vector<float>(16, 0)));
  mixer.bind("mix.b", heed::Tensor({4}, std::vector<float>{1, 2, 3, 4}));
  auto result = mixer({heed::Tensor(HEED_F32, {2, 4}), heed::Tensor({2}, std::vector<float>{10, 20}),
                       heed::Tensor(HEED_F32, {5}), heed::Tensor({2}, std::vector<bool>{true, false})});
  CHECK(result[1].data<float>()[0] == 20 && result[1].data<float>()[1] == 20 && result[0].data<float>()[3] == 4);
  return finish();
}
