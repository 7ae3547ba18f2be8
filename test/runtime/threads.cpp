// RUN: %cxx -std=c++17 -O1 -Wall -Wextra -Werror %s %heedrt -o %t && %t
// The same bits for any number of threads, any grouping into batches and any number of callers; forks; the
// floating-point state.
#include "Inputs/Mixer.h"

#include <atomic>
#include <cfenv>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

/// sums: f32[n] -> out: f32[n / 16 in 16s, as n]: each chunk sums a long series in its own order, records its range,
/// and starts nested loops. A wrong split, a lost chunk or one executed twice shows in the result.
namespace sums {
const heed_size_term n[] = {{0, 0, 1}};
const heed_size shape[] = {{0, n, 1}};
const heed_dim_info dims[] = {{"n", -1, 0, 0, 0}};
const heed_tensor_info input[] = {{"x", "", "", shape, 1, HEED_F32}}, output[] = {{"o", "", "", shape, 1, HEED_F32}};
std::atomic<int> mostThreads{0}, inside{0};

void inner(void *closure, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(closure)[i] += static_cast<float>(end - begin) / static_cast<float>(i + 1);
}
void body(void *closure, int64_t begin, int64_t end) {
  auto *frame = static_cast<const heed_frame *>(closure);
  const float *x = static_cast<const float *>(frame->inputs[0]);
  float *o = static_cast<float *>(frame->outputs[0]), sum = 0;
  int now = ++inside;
  for (int most = mostThreads; now > most && !mostThreads.compare_exchange_weak(most, now);) {
  }
  for (int64_t i = begin; i < end; ++i) {
    sum += std::sqrt(x[i]) / 3;
    o[i] += sum + static_cast<float>(end - begin);
    float nested[40] = {};
    frame->parallel_for(frame->pool, 40, 7, inner, nested);
    for (float value : nested)
      o[i] = o[i] * 0.999f + value;
  }
  --inside;
}
int32_t run(const heed_frame *frame) {
  if (frame->dims[0] > 0)
    memset(frame->outputs[0], 0, static_cast<size_t>(frame->dims[0]) * 4);
  frame->parallel_for(frame->pool, frame->dims[0], 16, body, const_cast<heed_frame *>(frame));
  frame->parallel_for(frame->pool, frame->dims[0], 5, body, const_cast<heed_frame *>(frame));
  frame->parallel_for(frame->pool, -3, 5, body, const_cast<heed_frame *>(frame));
  return 0;
}
const heed_code code[] = {{0, 0, 0, nullptr, nullptr, run}};
const heed_program program = {
    sizeof(heed_program), HEED_ABI, "sums", dims, input, output, nullptr, nullptr, code, 1, 1, 1, 0, 0, 1, nullptr, 0};
} // namespace sums

static heed_model *make(const heed_program &program, int32_t threads) {
  heed_options options = {sizeof options, threads};
  heed_model *model = nullptr;
  CHECK(heed_create(&program, &options, &model) == HEED_OK);
  return model;
}

static std::vector<float> sumsOf(heed_model *model, const std::vector<float> &x) {
  std::vector<float> o(x.size());
  auto size = static_cast<int64_t>(x.size());
  heed_tensor in = tensor1(const_cast<float *>(x.data()), HEED_F32, size), out = tensor1(o.data(), HEED_F32, size);
  CHECK(heed_run(model, 1, &in, &out) == HEED_OK);
  return o;
}

static std::vector<float> numbers(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i)
    x[i] = static_cast<float>(i * 7919 % 1009) / 13;
  return x;
}

static void sameBits() {
  for (size_t n : {0, 1, 16, 17, 333, 5000}) {
    std::vector<float> x = numbers(n), expected;
    for (int32_t threads : {1, 2, 3, 7, 0}) {
      heed_model *model = make(sums::program, threads);
      std::vector<float> found = sumsOf(model, x);
      if (threads == 1)
        expected = found;
      CHECK(found == expected);
      heed_destroy(model);
    }
  }
}

/// More threads than CPUs, 250 times.
static void repeats() {
  heed_model *model = make(sums::program, 7), *alone = make(sums::program, 1);
  std::vector<float> x = numbers(700), expected = sumsOf(alone, x);
  for (int i = 0; i < 250; ++i)
    CHECK(sumsOf(model, x) == expected);
  CHECK(sums::mostThreads > 1);
  // Several callers share one model: one gets the pool, the others work alone.
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 30; ++i)
        wrong += sumsOf(model, x) != expected;
    });
  for (std::thread &caller : callers)
    caller.join();
  CHECK(wrong == 0);
  heed_destroy(model);
  heed_destroy(alone);
}

/// A ragged batch gives what its examples give alone.
static void batches() {
  const int64_t count = 37;
  auto alone = std::make_unique<MixerData[]>(count), together = std::make_unique<MixerData[]>(count);
  for (int32_t threads : {1, 2, 7}) {
    heed_model *model = make(mixerProgram, threads);
    CHECK(mixerBind(model) == HEED_OK);
    for (int64_t batch : {int64_t(2), int64_t(5), count}) {
      std::vector<heed_tensor> inputs, outputs;
      for (int64_t b = 0; b < batch; ++b) {
        mixerFill(&alone[b], 1 + b * 11 % 64, static_cast<int>(b));
        mixerFill(&together[b], 1 + b * 11 % 64, static_cast<int>(b));
        CHECK(heed_run(model, 1, alone[b].inputs, alone[b].outputs) == HEED_OK);
        inputs.insert(inputs.end(), together[b].inputs, together[b].inputs + 4);
        outputs.insert(outputs.end(), together[b].outputs, together[b].outputs + 2);
      }
      CHECK(heed_run(model, batch, inputs.data(), outputs.data()) == HEED_OK);
      for (int64_t b = 0; b < batch; ++b) {
        memcpy(together[b].outputs, &outputs[b * 2], sizeof together[b].outputs);
        CHECK(mixerIsRight(&together[b], 1 + b * 11 % 64));
        CHECK(memcmp(together[b].out, alone[b].out, sizeof alone[b].out) == 0);
        CHECK(memcmp(together[b].total, alone[b].total, sizeof alone[b].total) == 0);
      }
    }
    heed_destroy(model);
  }
}

static bool childSucceeds(pid_t child) {
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Forks before, after and during calls: the child has threads of its own, or none, and never waits for the parent's.
static void forks() {
  std::vector<float> x = numbers(500);
  heed_model *model = make(sums::program, 4), *unused = make(sums::program, 3);
  std::vector<float> expected = sumsOf(model, x);
  auto child = [&](bool destroyFirst) {
    pid_t pid = fork();
    if (pid == 0) {
      alarm(20); // a hang kills the child
      if (destroyFirst) {
        heed_destroy(model);
        model = make(sums::program, 4);
      }
      bool good = sumsOf(model, x) == expected && sumsOf(unused, x) == expected && sumsOf(model, x) == expected;
      if (good && !destroyFirst) {
        // A fork of the fork, with two callers at once.
        pid_t second = fork();
        if (second == 0) {
          bool other = false;
          std::thread thread([&] { other = sumsOf(model, x) == expected; });
          bool mine = sumsOf(model, x) == expected;
          thread.join();
          _exit(!(mine && other));
        }
        good = childSucceeds(second);
      }
      heed_destroy(model);
      _exit(!good);
    }
    return childSucceeds(pid);
  };
  for (int i = 0; i < 20; ++i)
    CHECK(child(i % 2));
#ifndef __SANITIZE_ADDRESS__ // whose allocator may be locked by the other thread at the fork
  std::atomic<bool> stop{false}, wrong{false};
  std::thread caller([&] {
    while (!stop)
      wrong = wrong || sumsOf(model, x) != expected;
  });
  for (int i = 0; i < 60; ++i)
    CHECK(child(false));
  stop = true;
  caller.join();
  CHECK(!wrong);
#endif
  CHECK(sumsOf(model, x) == expected);
  heed_destroy(model);
  heed_destroy(unused);
}

/// Helpers round as the caller does, and the caller's state is left alone.
static void floatingPoint() {
  std::vector<float> x = numbers(999);
  heed_model *model = make(sums::program, 4), *alone = make(sums::program, 1);
  std::vector<float> nearest = sumsOf(model, x);
  fesetround(FE_UPWARD);
  std::vector<float> upward = sumsOf(model, x), expected = sumsOf(alone, x);
  CHECK(fegetround() == FE_UPWARD);
  fesetround(FE_TONEAREST);
  CHECK(upward == expected && upward != nearest);
  CHECK(sumsOf(model, x) == nearest);
  heed_destroy(model);
  heed_destroy(alone);
}

int main() {
  sameBits();
  repeats();
  batches();
#ifndef __SANITIZE_THREAD__ // which cannot start threads in the child of a threaded process
  forks();
#endif
  floatingPoint();
#ifndef __SANITIZE_ADDRESS__ // which calls what such an exit abandons leaks
  if (!failures) {
    // Leaving with a call under way and a pool alive ends the process, quietly.
    static heed_model *running = make(sums::program, 4);
    static const auto &x = *new std::vector<float>(numbers(100000)); // outlives the exit
    std::thread([] {
      for (;;)
        sumsOf(running, x);
    }).detach();
    usleep(20000);
  }
#endif
  return finish();
}
