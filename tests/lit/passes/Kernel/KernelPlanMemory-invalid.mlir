// RUN: llmc-opt %s --kernel-plan-memory --verify-diagnostics

// expected-error @+1 {{needs the attribute kernel.target}}
module {
  func.func @f() {
    return
  }
}
