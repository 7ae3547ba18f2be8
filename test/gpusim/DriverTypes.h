// DriverTypes.h - the part of the CUDA driver's binary interface that the simulator offers, declared here so that
// neither it nor its users need a toolkit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gpusim {

enum Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  NoDevice = 100,
  InvalidDevice = 101,
  InvalidContext = 201,
  NoBinaryForGpu = 209,
  InvalidPtx = 218,
  InvalidHandle = 400,
  NotFound = 500,
  LaunchFailed = 719,
  LaunchOutOfResources = 701,
  NotSupported = 801,
  CaptureUnsupported = 900,
  CaptureInvalidated = 901,
  IllegalState = 401,
};

enum DeviceAttribute : int {
  MaxThreadsPerBlock = 1,
  MaxBlockDimX = 2,
  MaxBlockDimY = 3,
  MaxBlockDimZ = 4,
  MaxGridDimX = 5,
  MaxGridDimY = 6,
  MaxGridDimZ = 7,
  MaxSharedPerBlock = 8,
  TotalConstantMemory = 9,
  WarpSize = 10,
  MaxRegistersPerBlock = 12,
  ClockRate = 13,
  MultiprocessorCount = 16,
  Integrated = 18,
  ComputeMajor = 75,
  ComputeMinor = 76,
  MaxSharedPerMultiprocessor = 81,
  MaxSharedPerBlockOptIn = 97,
};

enum FunctionAttribute : int {
  FunctionMaxThreads = 0,
  FunctionSharedBytes = 1,
  FunctionLocalBytes = 3,
  FunctionMaxDynamicShared = 8
};

using DevicePointer = unsigned long long;

struct TensorMapBytes {
  alignas(64) std::uint64_t words[16];
};

} // namespace gpusim
