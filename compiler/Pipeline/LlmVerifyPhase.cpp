#include "compiler/Pipeline/Phases.h"
#include "compiler/Pipeline/PipelinePasses.h"

using namespace mlir;

namespace llmc {

#define GEN_PASS_DEF_LLMVERIFYPHASE
#include "compiler/Pipeline/PipelinePasses.h.inc"

namespace {

class LlmVerifyPhase : public impl::LlmVerifyPhaseBase<LlmVerifyPhase> {
public:
  using LlmVerifyPhaseBase::LlmVerifyPhaseBase;

private:
  void runOnOperation() override {
    std::optional<Phase> found = findPhase(phase.getValue());
    if (!found) {
      getOperation().emitError() << "there is no phase '" << phase << "'";
      return signalPassFailure();
    }
    std::span<const char *const> allowed = phaseInfo(*found).dialects;
    WalkResult result = getOperation()->walk([&](Operation *op) {
      StringRef dialect = op->getName().getDialectNamespace();
      if (llvm::any_of(allowed, [&](const char *name) { return dialect == name; }))
        return WalkResult::advance();
      op->emitOpError() << "must not be left after phase '" << phase << "'";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace llmc
