#include "compiler/Driver/Remarks.h"
#include "absl/strings/str_cat.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace llmc {
namespace {

absl::string_view view(StringRef text) { return {text.data(), text.size()}; }

// "fused: norm into linear (llm-fuse-norm in @layer_0)",
// "not fused: norm has 2 uses (llm-fuse-norm in @layer_0)".
std::string toLine(const remark::detail::Remark &remark) {
  const bool passed = remark.getRemarkTypeString() == "Passed";
  std::string text;
  for (const remark::detail::Remark::Arg &argument : remark.getArgs())
    if (argument.key == "Remark" || argument.key == "Reason")
      absl::StrAppend(&text, text.empty() ? "" : " ", argument.val);
  return absl::StrCat(passed ? "fused: " : "not fused: ", text, " (", view(remark.getRemarkName()),
                      " in @", view(remark.getFunction()), ")");
}

class LineStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit LineStreamer(RemarkListener::Listener listener) : listener_(std::move(listener)) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    listener_(toLine(remark));
  }

private:
  RemarkListener::Listener listener_;
};

} // namespace

RemarkListener::RemarkListener(MLIRContext &context, const Listener &listener)
    : context_(context), active_(listener != nullptr) {
  if (!active_)
    return;
  remark::RemarkCategories categories;
  categories.passed = categories.missed = ".*";
  active_ = succeeded(remark::enableOptimizationRemarks(
      context, std::make_unique<LineStreamer>(listener),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories));
}

RemarkListener::~RemarkListener() {
  if (active_)
    context_.setRemarkEngine(nullptr);
}

} // namespace llmc
