#include "frontends/gguf/import/Experts.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/PackedLayout.h"

using namespace mlir;

namespace llmc {

void readExperts(ParameterReader &r, ModelParameters &p) {
  constexpr int64_t kMost = 1024; // far more than any model has
  absl::StatusOr<int64_t> given = r.file().getOr<int64_t>(r.key("expert_count"), 0);
  if (given.ok() && *given == 0)
    return;
  p.experts.count = r.count("expert_count", kMost);
  p.experts.used = r.count("expert_used_count", p.experts.count);
  p.experts.feedForward = r.count("expert_feed_forward_length", 1 << 24, p.feedForward);
  if (r.file().findTensor("blk.0.ffn_gate.0.weight"))
    r.fail("expert_count",
           "is that of a file with a tensor for each expert, as they were before "
           "April 2024; convert the model again, to tensors 'ffn_gate_exps' of all");
  // Groups of packed rows belong to one expert.
  if (p.experts.feedForward % kPackedRows || p.width % kPackedRows)
    r.fail("expert_count", absl::StrCat("needs widths that are multiples of ", kPackedRows,
                                        ", not ", p.width, " and ", p.experts.feedForward));
}

void addExpertTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors) {
  const ExpertParameters &e = p.experts;
  tensors.push_back({"ffn_gate_inp.weight", e.count, p.width, true});
  tensors.push_back({"ffn_gate_inp.bias", e.count, 0, false});
  for (LayerTensor tensor : {LayerTensor{"ffn_gate_exps.weight", e.feedForward, p.width, true},
                             {"ffn_up_exps.weight", e.feedForward, p.width, true},
                             {"ffn_down_exps.weight", p.width, e.feedForward, true}}) {
    tensor.experts = e.count;
    tensors.push_back(tensor);
  }
}

Value expertFeedForward(BlockBuilder &b, Value x) {
  const ExpertParameters &e = b.p.experts;
  Value logits = b.linear("ffn_gate_inp", x);
  auto ids = RankedTensorType::get({ShapedType::kDynamic, e.used}, b.b.getI32Type());
  auto route = llm::RouteOp::create(b.b, ids, b.rows(e.used), logits, e.normalize);
  auto linear = [&](const char *name, int64_t width, Value input) -> Value {
    return llm::ExpertLinearOp::create(b.b, b.rows(e.used * width), input, route.getIds(),
                                       b.weight(name));
  };
  Value gate = linear("ffn_gate_exps.weight", e.feedForward, x);
  Value up = linear("ffn_up_exps.weight", e.feedForward, x);
  Value down = linear("ffn_down_exps.weight", b.p.width, b.swiglu(gate, up));
  return llm::ExpertSumOp::create(b.b, x.getType(), down, route.getWeights(), Value());
}

} // namespace llmc
