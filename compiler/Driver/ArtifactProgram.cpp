#include "compiler/Driver/ArtifactProgram.h"
#include "absl/strings/str_cat.h"
#include "compiler/Artifact/ArtifactFile.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace llmc {
namespace {

// Far beyond any model's, so that no product of sizes overflows.
constexpr int64_t kMostColumns = 1 << 24;
constexpr int64_t kMostWeights = int64_t(1) << 44;
constexpr int64_t kMostPositions = int64_t(1) << 31;

absl::Status refuse(const llvm::Twine &what) {
  return absl::InvalidArgumentError(("the program " + what + "; compile the model again").str());
}

bool onlyTrains(Operation *op) {
  return isa<llm::ParameterOp, llm::GetParameterOp, llm::AccumulateGradientOp, llm::MatmulOp,
             llm::DropoutOp, llm::NoiseOp, llm::CausalAttentionOp, llm::LinearCrossEntropyOp,
             llm::LayersAdjointOp>(op);
}

// What an index is; only these are used in a program.
enum class Role { None, Layer, Start };

class Checker {
public:
  explicit Checker(ModuleOp module) : module_(module) {}

  absl::Status check() {
    if (absl::Status status = checkModule(); !status.ok())
      return status;
    for (Operation &op : *module_.getBody())
      if (absl::Status status = checkGlobal(&op); !status.ok())
        return status;
    absl::Status status;
    module_.walk([&](Operation *op) {
      if (status.ok() && op != module_)
        status = checkOperation(op);
    });
    return status;
  }

private:
  absl::Status checkModule() {
    for (const char *entry : {"step", "logits"})
      if (!module_.lookupSymbol<func::FuncOp>(entry))
        return refuse(llvm::Twine("has no function '") + entry + "'");
    for (NamedAttribute attribute : module_->getDiscardableAttrs())
      if (StringRef name = attribute.getName(); name != kVocabularyAttrName &&
                                                name != kContextLengthAttrName &&
                                                name != kArchitectureAttrName)
        return refuse("has an attribute '" + name + "', which no model has");
    for (auto [name, most] :
         {std::pair(kVocabularyAttrName, kMostColumns), {kContextLengthAttrName, kMostPositions}}) {
      auto value = module_->getAttrOfType<IntegerAttr>(name);
      if (!value || !value.getType().isInteger(64) || value.getInt() < 1 || value.getInt() > most)
        return refuse(llvm::Twine("does not say its ") + StringRef(name));
    }
    return absl::OkStatus();
  }

  // Weights, states and functions.
  absl::Status checkGlobal(Operation *op) {
    if (auto weight = dyn_cast<llm::WeightOp>(op)) {
      auto type = cast<RankedTensorType>(weight.getType());
      int64_t elements = 1;
      bool fits = type.getRank() > 0 && !type.getEncoding();
      for (int64_t size : type.getShape())
        fits &= size > 0 && !llvm::MulOverflow(elements, size, elements);
      if (!fits || elements > kMostWeights || type.getShape().back() > kMostColumns)
        return refuse("has a weight '" + weight.getSymName() + "' of a shape that no model has");
      return absl::OkStatus();
    }
    if (isa<llm::StateOp>(op))
      return absl::OkStatus();
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return refuse("has an operation '" + op->getName().getStringRef() + "' outside of functions");
    const StringRef name = function.getSymName();
    // Its name becomes a symbol of the code.
    if (name != "step" && name != "logits" && !name.starts_with("block."))
      return refuse("has a function of an unknown name");
    // What is only declared would be looked for among the functions of the process.
    if (!function.getBody().hasOneBlock() || function.getArgAttrsAttr() ||
        function.getResAttrsAttr())
      return refuse("has a function '" + name + "' of an unknown form");
    for (Value argument : function.getArguments())
      if (absl::Status status = checkType(argument.getType()); !status.ok())
        return status;
    return absl::OkStatus();
  }

  absl::Status checkOperation(Operation *op) {
    if (!op->getDiscardableAttrs().empty())
      return refuse("has an attribute on '" + op->getName().getStringRef() + "' that no model has");
    for (Type type : op->getResultTypes()) {
      if (absl::Status status = checkType(type); !status.ok())
        return status;
      // Rows are as many as a step has tokens.
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (tensor && tensor.hasStaticShape() && !isa<llm::GetWeightOp>(op))
        return refuse("computes a tensor of known size");
    }
    if (isa<llm::WeightOp, llm::StateOp, func::FuncOp>(op) && op->getParentOp() == module_)
      return absl::OkStatus();
    const StringRef name = op->getName().getStringRef();
    if (!isa<llm::LlmDialect>(op->getDialect()) ? !isa<func::ReturnOp>(op) : onlyTrains(op))
      return refuse("has an operation '" + name + "', which no model has");
    if (auto layers = dyn_cast<llm::LayersOp>(op))
      return checkLayers(layers);
    for (OpOperand &operand : op->getOpOperands()) {
      const Type type = operand.get().getType();
      if (isa<IndexType>(type) && !isRight(operand))
        return refuse("takes another number for a layer or a position in '" + name + "'");
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor)
        continue;
      const unsigned number = operand.getOperandNumber();
      // As rows, it would have fewer than there are tokens.
      if (tensor.getRank() == 2 && tensor.hasStaticShape() && tensor.getElementType().isF32() &&
          !(isa<llm::LinearOp, llm::EmbedOp>(op) && number == 1))
        return refuse("takes a weight for rows in '" + name + "'");
      // Tokens are checked to be rows of the embedding, not of anything else.
      if (tensor.getElementType().isInteger() && isa<BlockArgument>(operand.get()) &&
          !(isa<llm::EmbedOp>(op) && number == 0))
        return refuse("takes tokens in '" + name + "'");
    }
    return absl::OkStatus();
  }

  // Whether an index is what its operation takes it for.
  bool isRight(OpOperand &operand) {
    const Value index = operand.get();
    return llvm::TypeSwitch<Operation *, bool>(operand.getOwner())
        .Case<llm::CacheWriteOp, llm::AttentionOp>([&](auto op) {
          return &operand == &op.getLayerMutable() ? roleOf(index) == Role::Layer
                                                   : roleOf(index) == Role::Start;
        })
        .Case([&](llm::RopeTableOp) { return roleOf(index) == Role::Start; })
        .Default([](Operation *) { return false; });
  }

  // Once, in the entry point, so that blocks call no blocks and each block's parameters have one
  // meaning.
  absl::Status checkLayers(llm::LayersOp layers) {
    auto parent = dyn_cast<func::FuncOp>(layers->getParentOp());
    if (layers_ || !parent || parent.getSymName() != "step" || !layers.getSaved().empty())
      return refuse("runs its layers in an unknown way");
    layers_ = layers;
    for (Value operand : layers.getShared())
      if (isa<IndexType>(operand.getType()) && roleOf(operand) != Role::Start)
        return refuse("hands another number than the first position to its layers");
    llvm::DenseSet<Attribute> seen;
    for (Attribute block : layers.getBlocks())
      if (!seen.insert(block).second)
        return refuse("names a block twice");
    return absl::OkStatus();
  }

  // Of a parameter: `step` has the first position as its second one; a block the layer, then what
  // is shared.
  Role roleOf(Value index) {
    auto argument = dyn_cast<BlockArgument>(index);
    auto function =
        argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
    if (!function || function.getSymName() == "logits" || argument.getArgNumber() == 0)
      return Role::None;
    if (function.getSymName() == "step")
      return Role::Start;
    return argument.getArgNumber() == 1 ? Role::Layer : Role::Start;
  }

  static absl::Status checkType(Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return isa<IndexType, llm::KvCacheType>(type) ? absl::OkStatus()
                                                    : refuse("has a value of an unknown type");
    if (tensor.getEncoding() || tensor.getRank() < 1)
      return refuse("has a tensor of an unknown form");
    if (!tensor.hasStaticShape() &&
        !(tensor.isDynamicDim(0) && tensor.getNumDynamicDims() == 1 && tensor.getRank() <= 2))
      return refuse("has a tensor of unknown width");
    if (tensor.getRank() > 1 && tensor.getShape().back() > kMostColumns)
      return refuse("has rows that are wider than any model's");
    return absl::OkStatus();
  }

  ModuleOp module_;
  llm::LayersOp layers_;
};

} // namespace

absl::Status checkArtifactProgram(ModuleOp module) { return Checker(module).check(); }

absl::StatusOr<OwningOpRef<ModuleOp>> parseArtifactProgram(Compiler &compiler,
                                                           const gguf::GgufFile &file) {
  absl::StatusOr<absl::string_view> text = artifactProgram(file);
  if (!text.ok())
    return text.status();
  absl::StatusOr<OwningOpRef<ModuleOp>> module =
      compiler.parse(*text, absl::StrCat(file.path(), ": ", kArtifactProgramKey));
  if (!module.ok())
    return module.status();
  if (absl::Status status = checkArtifactProgram(**module); !status.ok())
    return absl::Status(status.code(), absl::StrCat(file.path(), ": ", status.message()));
  return module;
}

} // namespace llmc
