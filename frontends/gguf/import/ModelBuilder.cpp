#include "frontends/gguf/import/ModelBuilder.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <cmath>

using namespace mlir;

namespace llmc {

ModelBuilder::ModelBuilder(MLIRContext *context, const gguf::GgufFile &file)
    : file(file), module(ModuleOp::create(UnknownLoc::get(context))),
      b(FileLineColLoc::get(context, StringRef(file.path()), 0, 0), context) {
  b.setInsertionPointToStart(module->getBody());
}

absl::Status ModelBuilder::error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", what));
}

RankedTensorType ModelBuilder::rows(int64_t width) {
  return RankedTensorType::get({ShapedType::kDynamic, width}, b.getF32Type());
}

absl::StatusOr<RankedTensorType> ModelBuilder::tensorType(const gguf::TensorInfo &info,
                                                          int64_t rows, int64_t columns,
                                                          int64_t experts) const {
  std::vector<uint64_t> expected;
  if (columns)
    expected.push_back(columns);
  expected.push_back(rows);
  if (experts)
    expected.push_back(experts);
  if (info.shape != expected)
    return error(absl::StrCat("tensor '", info.name, "' has shape [",
                              absl::StrJoin(info.shape, ", "), "], the metadata asks for [",
                              absl::StrJoin(expected, ", "),
                              "]; the file is damaged or was converted for another program"));
  MLIRContext *context = b.getContext();
  if (!info.format)
    return error(absl::StrCat("tensor '", info.name, "' holds plain integers, a weight cannot"));
  if (!columns && absl::string_view(info.format->name) != "f32")
    return error(absl::StrCat("tensor '", info.name, "' is ", info.format->ggufName,
                              ", norms and biases are known as F32 only; convert the model again"));
  SmallVector<int64_t> shape{rows};
  if (columns)
    shape.push_back(columns);
  if (experts)
    shape.insert(shape.begin(), experts);
  return RankedTensorType::get(shape, llm::getWeightElementType(context, *info.format));
}

// "blk.0.attn_q.weight" -> "blk.0.attn_q"; biases keep their ending.
static std::string symbolOf(absl::string_view name) {
  if (absl::EndsWith(name, ".weight"))
    name.remove_suffix(strlen(".weight"));
  return std::string(name);
}

absl::StatusOr<RankedTensorType> ModelBuilder::declaredType(absl::string_view name,
                                                            RankedTensorType type) const {
  if (!trainsWeights_)
    return type;
  if (isa<llm::BlockType>(type.getElementType()))
    return error(absl::StrCat("tensor '", name, "' is ",
                              llm::getBlockFormat(type.getElementType())->ggufName,
                              ", and fine_tune_type: full changes F32, F16 and BF16 only; train an "
                              "adapter with fine_tune_type: lora, or take the model's F16 file"));
  return type.clone(Float32Type::get(b.getContext()));
}

Value ModelBuilder::use(const Tensor &tensor) {
  if (tensor.trained)
    return llm::GetParameterOp::create(b, tensor.type, tensor.symbol);
  return llm::GetWeightOp::create(b, tensor.type, tensor.symbol);
}

absl::StatusOr<ModelBuilder::Tensor>
ModelBuilder::weight(absl::string_view name, int64_t rows, int64_t columns, bool required) {
  const gguf::TensorInfo *info = file.findTensor(name);
  if (!info) {
    if (required)
      return error(absl::StrCat("tensor '", name, "' is missing; the file is incomplete"));
    return Tensor();
  }
  absl::StatusOr<RankedTensorType> type = tensorType(*info, rows, columns);
  if (type.ok())
    type = declaredType(name, *type);
  if (!type.ok())
    return type.status();
  used_.insert(std::string(name));
  Tensor tensor{symbolOf(name), *type, trainsWeights_};
  declare(trainsWeights_, tensor.symbol, *type, StringRef(name.data(), name.size()), {}, {});
  return tensor;
}

absl::Status ModelBuilder::adapt(ArrayRef<AdaptedWeight> adapters, AdapterRole role) {
  constexpr int64_t kMostRanks = 1 << 20; // so that no size of a matrix overflows
  absl::flat_hash_set<std::string> names;
  for (const AdaptedWeight &adapter : adapters) {
    if (!names.insert(adapter.weight).second)
      return error(absl::StrCat("tensor '", adapter.weight, "' is to have two adapters"));
    if (adapter.rank < 1 || adapter.rank > kMostRanks)
      return error(absl::StrCat("the adapter of '", adapter.weight, "' cannot have rank ",
                                adapter.rank, "; ranks are from 1 to ", kMostRanks));
    if (adapter.dora && !absl::StartsWith(adapter.weight, "blk."))
      return error(absl::StrCat("tensor '", adapter.weight, "' is no weight of a layer, and others "
                                "cannot have DoRA; leave it out of lora.target_modules"));
    if (!std::isfinite(adapter.scale))
      return error(absl::StrCat("the adapter of '", adapter.weight, "' has no finite scale"));
  }
  requests_.assign(adapters.begin(), adapters.end());
  adapterRole_ = role;
  return absl::OkStatus();
}

const AdaptedWeight *ModelBuilder::requestFor(absl::string_view name, int64_t columns) {
  auto found = llvm::find_if(requests_, [&](const AdaptedWeight &a) { return a.weight == name; });
  if (found == requests_.end() || columns == 0)
    return nullptr;
  adapted_.insert(found->weight);
  return &*found;
}

RankedTensorType ModelBuilder::matrix(int64_t rows, int64_t columns) {
  return RankedTensorType::get({rows, columns}, b.getF32Type());
}

void ModelBuilder::declare(bool trained, StringRef symbol, Type type, StringRef source,
                           DenseI32ArrayAttr layers, IntegerAttr firstRow) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module->getBody());
  while (b.getInsertionPoint() != module->getBody()->end() &&
         (isa<llm::WeightOp>(*b.getInsertionPoint()) ||
          (trained && isa<llm::ParameterOp>(*b.getInsertionPoint()))))
    b.setInsertionPointAfter(&*b.getInsertionPoint());
  if (trained)
    llm::ParameterOp::create(b, b.getStringAttr(symbol), TypeAttr::get(type),
                             b.getStringAttr(source), layers, firstRow);
  else
    llm::WeightOp::create(b, b.getStringAttr(symbol), TypeAttr::get(type), b.getStringAttr(source),
                          layers, firstRow);
}

ModelBuilder::Adapter ModelBuilder::adapterOf(absl::string_view name, int64_t rows, int64_t columns,
                                              bool lookup) {
  const AdaptedWeight *request = requestFor(name, columns);
  if (!request)
    return {};
  int64_t inputs = lookup ? rows : columns, outputs = lookup ? columns : rows;
  auto add = [&](const char *suffix, RankedTensorType type) -> Value {
    Tensor tensor{absl::StrCat(symbolOf(name), suffix), type,
                  adapterRole_ == AdapterRole::Parameters};
    declare(tensor.trained, tensor.symbol, type, absl::StrCat(name, suffix), {}, {});
    return use(tensor);
  };
  Value a = add(kAdapterSuffixA,
                    lookup ? matrix(inputs, request->rank) : matrix(request->rank, inputs));
  return {a, add(kAdapterSuffixB, matrix(outputs, request->rank)), Value(), request->scale};
}

static const char *sourceOf(const LayerTensor &tensor) {
  return tensor.source ? tensor.source : tensor.name;
}

IntegerAttr ModelBuilder::firstRowOf(const LayerTensor &tensor) {
  return tensor.source ? b.getI64IntegerAttr(tensor.firstRow) : IntegerAttr();
}

absl::StatusOr<Value> ModelBuilder::layers(int64_t count, ArrayRef<LayerTensor> tensors,
                                           ArrayRef<int> kinds, Value hidden, ValueRange shared,
                                           const BlockBody &body) {
  // What a layer has of each tensor; a null type is a tensor that is not there, rank 0 no adapter.
  struct Part {
    RankedTensorType type;
    int64_t rank = 0;
    float scale = 1;
    bool dora = false;
    bool operator==(const Part &) const = default;
  };
  struct Signature {
    int kind;
    std::vector<Part> parts;
    bool operator==(const Signature &) const = default;
  };
  std::vector<Signature> signatures;
  SmallVector<int32_t> schedule;
  for (int64_t layer = 0; layer < count; ++layer) {
    Signature signature{kinds.empty() ? 0 : kinds[layer], {}};
    for (const LayerTensor &tensor : tensors) {
      std::string name = absl::StrCat("blk.", layer, ".", sourceOf(tensor));
      const gguf::TensorInfo *info = file.findTensor(name);
      if (!info && tensor.required)
        return error(absl::StrCat("tensor '", name, "' is missing; the file is incomplete"));
      signature.parts.emplace_back();
      if (!info)
        continue;
      absl::StatusOr<RankedTensorType> type = tensorType(
          *info, tensor.source ? tensor.sourceRows : tensor.rows, tensor.columns, tensor.experts);
      if (type.ok())
        type = declaredType(name, *type);
      if (!type.ok())
        return type.status();
      signature.parts.back().type = *type;
      if (tensor.source) {
        SmallVector<int64_t, 2> shape(type->getShape());
        shape[0] = tensor.rows;
        signature.parts.back().type = type->clone(shape);
      }
      if (const AdaptedWeight *request = requestFor(name, tensor.experts ? 0 : tensor.columns)) {
        if (tensor.source && adapterRole_ == AdapterRole::Parameters)
          return error(absl::StrCat("tensor '", name,
                                    "' is computed in parts, and training an "
                                    "adapter of it is not supported; leave it out of "
                                    "lora.target_modules"));
        signature.parts.back().rank = request->rank;
        signature.parts.back().scale = request->scale;
        signature.parts.back().dora = request->dora;
      }
      used_.insert(name);
    }
    auto known = llvm::find(signatures, signature);
    schedule.push_back(known - signatures.begin());
    if (known == signatures.end())
      signatures.push_back(signature);
  }

  SmallVector<Attribute> blocks, families;
  for (auto [index, signature] : llvm::enumerate(signatures)) {
    SmallVector<int32_t> layersOfBlock;
    for (auto [layer, block] : llvm::enumerate(schedule))
      if (block == static_cast<int32_t>(index))
        layersOfBlock.push_back(layer);
    SmallVector<Attribute> ownFamilies;
    SmallVector<Type> types{hidden.getType(), b.getIndexType()};
    llvm::append_range(types, shared.getTypes());
    OpBuilder::InsertionGuard guard(b);
    for (auto [tensor, part] : llvm::zip(tensors, signature.parts)) {
      if (!part.type)
        continue;
      std::string symbol = symbolOf(absl::StrCat("block.", index, ".", tensor.name));
      declare(trainsWeights_, symbol, part.type, absl::StrCat("blk.{layer}.", sourceOf(tensor)),
              b.getDenseI32ArrayAttr(layersOfBlock), firstRowOf(tensor));
      ownFamilies.push_back(FlatSymbolRefAttr::get(b.getContext(), symbol));
      types.push_back(part.type);
    }
    for (auto [tensor, part] : llvm::zip(tensors, signature.parts)) {
      if (!part.rank)
        continue;
      auto add = [&](const char *suffix, RankedTensorType type, IntegerAttr firstRow) {
        std::string symbol = symbolOf(absl::StrCat("block.", index, ".", tensor.name)) + suffix;
        declare(adapterRole_ == AdapterRole::Parameters, symbol, type,
                absl::StrCat("blk.{layer}.", sourceOf(tensor), suffix),
                b.getDenseI32ArrayAttr(layersOfBlock), firstRow);
        ownFamilies.push_back(FlatSymbolRefAttr::get(b.getContext(), symbol));
        types.push_back(type);
      };
      // Parts of a tensor share A; of B each has its rows.
      add(kAdapterSuffixA, matrix(part.rank, tensor.columns), {});
      add(kAdapterSuffixB, matrix(tensor.rows, part.rank), firstRowOf(tensor));
      if (part.dora)
        add(kAdapterSuffixMagnitude, RankedTensorType::get({tensor.rows}, b.getF32Type()), {});
    }
    families.push_back(b.getArrayAttr(ownFamilies));
    std::string name = absl::StrCat("block.", index);
    blocks.push_back(FlatSymbolRefAttr::get(b.getContext(), name));
    b.setInsertionPointToEnd(module->getBody());
    auto function = func::FuncOp::create(b, name, b.getFunctionType(types, hidden.getType()));
    function.setPrivate();
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    BlockArguments arguments{
        entry->getArgument(0), entry->getArgument(1), signature.kind, {}, {}, {}};
    unsigned next = 2;
    for (size_t i = 0; i < shared.size(); ++i)
      arguments.shared.push_back(entry->getArgument(next++));
    for (auto [tensor, part] : llvm::zip(tensors, signature.parts))
      arguments.weights[tensor.name] = part.type ? Value(entry->getArgument(next++)) : Value();
    for (auto [tensor, part] : llvm::zip(tensors, signature.parts)) {
      Adapter &adapter = arguments.adapters[tensor.name];
      if (!part.rank)
        continue;
      adapter.a = entry->getArgument(next++);
      adapter.b = entry->getArgument(next++);
      if (part.dora)
        adapter.magnitude = entry->getArgument(next++);
      adapter.scale = part.scale;
    }
    func::ReturnOp::create(b, body(arguments));
  }
  return llm::LayersOp::create(b, hidden.getType(), /*saved=*/TypeRange(), hidden, shared,
                               b.getArrayAttr(blocks), b.getArrayAttr(families),
                               b.getDenseI32ArrayAttr(schedule))
      .getResult();
}

absl::Status ModelBuilder::checkAllUsed(ArrayRef<absl::string_view> ignored) const {
  for (const gguf::TensorInfo &info : file.tensors()) {
    if (used_.contains(info.name) || llvm::any_of(ignored, [&](absl::string_view end) {
          return absl::EndsWith(info.name, end);
        }))
      continue;
    return error(
        absl::StrCat("tensor '", info.name,
                     "' is not part of this architecture as llmc knows it; leaving it out would "
                     "give wrong results"));
  }
  for (const AdaptedWeight &request : requests_)
    if (!adapted_.contains(request.weight)) {
      const gguf::TensorInfo *info = file.findTensor(request.weight);
      return error(absl::StrCat("tensor '", request.weight,
                                !info ? "', which is to have an adapter, is not in the model"
                                : info->shape.size() > 2
                                    ? "' has a matrix for each expert, so it cannot have an adapter"
                                    : "' is no matrix, so it cannot have an adapter"));
    }
  return absl::OkStatus();
}

} // namespace llmc
