// ThreadPool.cpp - the threads of one model.
#include "ThreadPool.h"

#include "Cpu.h"

#include <csignal>

namespace heed::runtime {

namespace {
/// True while this thread executes chunks: what it starts then is nested.
thread_local bool insideChunk = false;

/// Counts the forks between the first process and this one, so that a pool notices that its threads stayed behind.
std::atomic<uint32_t> forkCount{0};
std::atomic<bool> forkHandlerInstalled{false};
constexpr uint32_t resetting = 0x80000000u;

void countFork() { forkCount.store((forkCount.load() + 1) & ~resetting); }

/// About 20 microseconds: longer than the gap between two loops of one model, shorter than anybody notices.
constexpr int spinRounds = 1000;

void pauseBriefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t chunkCount(int64_t count, int64_t grain) { return count / grain + (count % grain != 0); }

void runChunk(int64_t chunk, int64_t count, int64_t grain, heed_parallel_body body, void *closure) {
  int64_t begin = chunk * grain;
  body(closure, begin, count - begin < grain ? count : begin + grain);
}
} // namespace

ThreadPool::ThreadPool() {
  pthread_mutex_init(&mutex, nullptr);
  pthread_cond_init(&wake, nullptr);
  pthread_cond_init(&done, nullptr);
}

ThreadPool::~ThreadPool() {
  // In a forked child the threads do not exist and the primitives may be in any state.
  if (generation.load() != forkCount.load())
    return;
  stopWorkers();
  pthread_cond_destroy(&done);
  pthread_cond_destroy(&wake);
  pthread_mutex_destroy(&mutex);
}

bool ThreadPool::configure(int32_t count) {
  if (!forkHandlerInstalled.exchange(true) && pthread_atfork(nullptr, nullptr, countFork) != 0) {
    forkHandlerInstalled.store(false);
    return false;
  }
  threadCount = count;
  spin = count <= usableCpuCount();
  generation.store(forkCount.load());
  return count == 1 || (workers.allocate(count - 1) && shareMemory.allocate(count * int64_t(sizeof(Share))));
}

bool ThreadPool::ownedByThisProcess() {
  uint32_t now = forkCount.load(), seen = generation.load();
  if (seen == now)
    return true;
  // This process is a fork: forget the parent's threads and locks. Of several threads here, one does so.
  if (seen == (now | resetting) || !generation.compare_exchange_strong(seen, now | resetting))
    return false;
  pthread_mutex_init(&mutex, nullptr);
  pthread_cond_init(&wake, nullptr);
  pthread_cond_init(&done, nullptr);
  startedWorkers = 0;
  startTried = stopping = false;
  jobNumber.store(0);
  unfinished.store(0);
  busy.store(false);
  generation.store(now);
  return true;
}

void ThreadPool::startWorkers() {
  startTried = true;
  // Signals are for the application's own threads.
  sigset_t everything, previous;
  sigfillset(&everything);
  pthread_sigmask(SIG_SETMASK, &everything, &previous);
  for (int32_t number = 1; number < threadCount; ++number) {
    Worker &worker = workers[number - 1];
    worker.pool = this;
    worker.number = number;
    if (pthread_create(&worker.thread, nullptr, workerMain, &worker) != 0)
      break; // fewer threads are slower, not wrong
    ++startedWorkers;
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

void ThreadPool::stopWorkers() {
  pthread_mutex_lock(&mutex);
  stopping = true;
  jobNumber.fetch_add(1);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&mutex);
  for (int32_t i = 0; i < startedWorkers; ++i)
    pthread_join(workers[i].thread, nullptr);
  startedWorkers = 0;
}

void *ThreadPool::workerMain(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  insideChunk = true;
  worker->pool->workerLoop(worker->number);
  return nullptr;
}

void ThreadPool::workerLoop(int32_t number) {
  uint64_t seen = 0;
  for (;;) {
    for (int round = 0; spin && round < spinRounds && jobNumber.load(std::memory_order_relaxed) == seen; ++round)
      pauseBriefly();
    pthread_mutex_lock(&mutex);
    while (jobNumber.load() == seen)
      pthread_cond_wait(&wake, &mutex);
    seen = jobNumber.load();
    Job mine = job;
    bool stop = stopping;
    pthread_mutex_unlock(&mutex);
    if (stop)
      return;
    if (number >= mine.participants)
      continue;
    setFloatingPointControl(mine.floatingPoint);
    work(mine, number);
    if (unfinished.fetch_sub(1) == 1) {
      // Taking the lock makes sure that the caller either sees 0 or already waits.
      pthread_mutex_lock(&mutex);
      pthread_cond_signal(&done);
      pthread_mutex_unlock(&mutex);
    }
  }
}

void ThreadPool::work(const Job &current, int32_t self) {
  auto *shares = static_cast<Share *>(shareMemory.data());
  for (int32_t i = 0; i < current.participants; ++i) {
    Share &share = shares[(self + i) % current.participants];
    for (;;) {
      int64_t chunk = share.next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= share.end)
        break;
      runChunk(chunk, current.count, current.grain, current.body, current.closure);
    }
  }
}

void ThreadPool::run(int64_t count, int64_t grain, heed_parallel_body body, void *closure) {
  if (count <= 0)
    return;
  grain = grain < 1 ? 1 : grain;
  int64_t chunks = chunkCount(count, grain);
  if (chunks == 1 || threadCount == 1 || insideChunk || !ownedByThisProcess() || busy.exchange(true))
    return serialFor(nullptr, count, grain, body, closure);
  if (!startTried)
    startWorkers();
  if (startedWorkers == 0) {
    busy.store(false);
    return serialFor(nullptr, count, grain, body, closure);
  }

  int32_t participants = startedWorkers + 1;
  if (chunks < participants)
    participants = static_cast<int32_t>(chunks);
  auto *shares = static_cast<Share *>(shareMemory.data());
  int64_t each = chunks / participants, extra = chunks % participants, first = 0;
  for (int32_t i = 0; i < participants; ++i) {
    int64_t size = each + (i < extra);
    shares[i].next.store(first, std::memory_order_relaxed);
    shares[i].end = first + size;
    first += size;
  }
  Job mine = {body, closure, count, grain, participants, floatingPointControl()};
  unfinished.store(participants - 1);
  pthread_mutex_lock(&mutex);
  job = mine;
  jobNumber.fetch_add(1);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&mutex);

  insideChunk = true;
  work(mine, 0);
  insideChunk = false;

  for (int round = 0; spin && round < spinRounds && unfinished.load(std::memory_order_relaxed) != 0; ++round)
    pauseBriefly();
  if (unfinished.load() != 0) {
    pthread_mutex_lock(&mutex);
    while (unfinished.load() != 0)
      pthread_cond_wait(&done, &mutex);
    pthread_mutex_unlock(&mutex);
  }
  busy.store(false);
}

void ThreadPool::parallelFor(void *pool, int64_t count, int64_t grain, heed_parallel_body body, void *closure) {
  static_cast<ThreadPool *>(pool)->run(count, grain, body, closure);
}

void ThreadPool::serialFor(void *, int64_t count, int64_t grain, heed_parallel_body body, void *closure) {
  grain = grain < 1 ? 1 : grain;
  for (int64_t chunk = 0, chunks = count > 0 ? chunkCount(count, grain) : 0; chunk < chunks; ++chunk)
    runChunk(chunk, count, grain, body, closure);
}

} // namespace heed::runtime
