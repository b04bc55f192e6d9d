#include "compiler/Driver/Remarks.h"
#include "absl/strings/str_cat.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace llmc {
namespace {

PassRemark convert(const remark::detail::Remark &remark) {
  PassRemark result{remark.getRemarkTypeString() == "Passed", "", remark.getRemarkName().str(),
                    remark.getFunction().str(), remark.getLocation()};
  for (const remark::detail::Remark::Arg &argument : remark.getArgs())
    if (argument.key == "Remark" || argument.key == "Reason")
      absl::StrAppend(&result.text, result.text.empty() ? "" : " ", argument.val);
  return result;
}

class ListenerStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit ListenerStreamer(RemarkListener::Listener listener) : listener_(std::move(listener)) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    listener_(convert(remark));
  }

private:
  RemarkListener::Listener listener_;
};

} // namespace

std::string toLine(const PassRemark &remark) {
  return absl::StrCat(remark.passed ? "fused: " : "not fused: ", remark.text, " (", remark.pass,
                      " in @", remark.function, ")");
}

RemarkListener::RemarkListener(MLIRContext &context, const Listener &listener)
    : context_(context), active_(listener != nullptr) {
  if (!active_)
    return;
  remark::RemarkCategories categories;
  categories.passed = categories.missed = ".*";
  active_ = succeeded(remark::enableOptimizationRemarks(
      context, std::make_unique<ListenerStreamer>(listener),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories));
}

RemarkListener::~RemarkListener() {
  if (active_)
    context_.setRemarkEngine(nullptr);
}

} // namespace llmc
