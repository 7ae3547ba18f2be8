// RUN: heed-opt %s -heed-entry-points -verify-diagnostics
// expected-error @below {{expected attribute 'heed.program' and the function it names}}
module {
  func.func @f() {
    return
  }
}
