#include "tools/llmc/BenchModels.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/Driver/Artifact.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/FileError.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/ModelSummary.h"
#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace llmc::cli {
namespace {

using quantize::FileType;
using quantize::PlannedTensor;
using quantize::QuantizationPlan;

// GGUF's records of a file that ends after them.
class HeaderWriter {
public:
  template <class T>
  void put(T value) {
    text_.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  void putText(absl::string_view text) {
    put<uint64_t>(text.size());
    text_.append(text.data(), text.size());
  }
  void putBytes(std::span<const uint8_t> bytes) {
    text_.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  }
  const std::string &text() const { return text_; }

private:
  std::string text_;
};

// The header of the file that `plan` describes.
std::string headerOf(const gguf::GgufFile &source, const QuantizationPlan &plan) {
  constexpr uint32_t kVersion = 3;
  constexpr uint64_t kAlignment = 32;
  std::vector<const gguf::KeyValue *> records;
  for (const gguf::KeyValue &record : source.keyValues())
    if (record.key != "general.alignment" && record.key != "general.file_type" &&
        !absl::StartsWith(record.key, "split."))
      records.push_back(&record);
  HeaderWriter out;
  out.putBytes(std::initializer_list<uint8_t>{'G', 'G', 'U', 'F'});
  out.put(kVersion);
  out.put<uint64_t>(plan.tensors.size());
  out.put<uint64_t>(records.size() + 1);
  for (const gguf::KeyValue *record : records)
    out.putBytes(record->record);
  out.putText("general.file_type");
  out.put(static_cast<uint32_t>(gguf::ValueType::U32));
  out.put(static_cast<uint32_t>(plan.options.fileType->id));
  uint64_t offset = 0;
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    out.putText(tensor.name);
    out.put<uint32_t>(tensor.shape.size());
    for (uint64_t extent : tensor.shape)
      out.put(extent);
    out.put(planned.isCopied() ? tensor.ggmlType : planned.format->ggmlType);
    out.put(offset);
    offset += (planned.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  return out.text();
}

absl::Status writeHeader(const std::string &path, const std::string &header) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(absl::string_view(header)); !status.ok())
    return status;
  return file->commit();
}

// "1.1B"
std::string sizeLabel(const gguf::GgufFile &file, uint64_t parameters) {
  const absl::StatusOr<std::string> label = file.get<std::string>("general.size_label");
  if (label.ok() && !label->empty() && label->size() < 16)
    return *label;
  const double count = static_cast<double>(parameters);
  return count >= 1e9   ? absl::StrFormat("%.1fB", count / 1e9)
         : count >= 1e6 ? absl::StrFormat("%.1fM", count / 1e6)
                        : absl::StrFormat("%.0fK", count / 1e3);
}

std::string typeOf(const gguf::GgufFile &file, const ModelSummary &summary) {
  const absl::StatusOr<uint32_t> id = file.get<uint32_t>("general.file_type");
  for (const FileType &type : quantize::fileTypes())
    if (id.ok() && !type.copies() && static_cast<uint32_t>(type.id) == *id)
      return type.name;
  return summary.types.empty() ? "" : summary.types[0].name;
}

} // namespace

absl::StatusOr<BenchSource> BenchSource::open(const std::string &path, bool shapeOnly) {
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file =
      gguf::isShapePath(path) ? gguf::openShape(path)
                              : gguf::GgufFile::open(path, {.headerOnly = shapeOnly});
  if (!file.ok())
    return file.status();
  if (isArtifact(**file))
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is compiled, its types are fixed; give the .gguf it was made from, or "
              "leave out --types"));
  return BenchSource(*std::move(file), shapeOnly);
}

absl::Status BenchSource::loadImportance(const std::string &path) {
  absl::StatusOr<quantize::ImportanceMatrix> loaded = quantize::ImportanceMatrix::load(path);
  if (loaded.ok())
    importance_ = *std::move(loaded);
  return loaded.status();
}

absl::StatusOr<QuantizationPlan> BenchSource::plan(const FileType &type) const {
  quantize::QuantizationOptions options;
  options.fileType = &type;
  options.allowRequantize = allowRequantize_;
  return quantize::planQuantization(*file_, options, importance_ ? &*importance_ : nullptr);
}

absl::StatusOr<std::vector<const FileType *>> BenchSource::allTypes() const {
  std::vector<const FileType *> types;
  for (const FileType &type : quantize::fileTypes()) {
    if (type.copies())
      continue;
    absl::StatusOr<QuantizationPlan> planned = plan(type);
    if (!planned.ok())
      return planned.status();
    const bool apt = std::ranges::any_of(planned->tensors, [&](const PlannedTensor &tensor) {
      return tensor.fallback ||
             (tensor.format ? tensor.format : tensor.tensor->format) == type.format();
    });
    // Headers and small tensors that stay as they are do not make a type the larger one.
    const bool larger = !shapeOnly_ && planned->bytes > planned->sourceBytes * 1.01;
    if (apt && !larger && (shapeOnly_ || planned->lacksImportance.empty()))
      types.push_back(&type);
  }
  return types;
}

absl::StatusOr<PreparedModel> BenchSource::prepare(const FileType &type,
                                                   absl::FunctionRef<void(double)> progress) const {
  absl::StatusOr<QuantizationPlan> planned = plan(type);
  if (!planned.ok())
    return planned.status();
  PreparedModel model;
  if (std::ranges::all_of(planned->tensors, &PlannedTensor::isCopied)) {
    model.path = file_->path();
    return model;
  }
  absl::StatusOr<std::unique_ptr<TemporaryFolder>> folder = TemporaryFolder::create();
  if (!folder.ok())
    return folder.status();
  model.folder = *std::move(folder);
  model.path = model.folder->fileNamed(absl::StrCat(type.name, ".gguf"));
  if (shapeOnly_) {
    if (absl::Status status = writeHeader(model.path, headerOf(*file_, *planned)); !status.ok())
      return status;
    return model;
  }
  ThreadTeam team;
  const double whole = static_cast<double>(std::max<uint64_t>(planned->sourceBytes, 1));
  absl::Status status =
      quantize::quantizeFile(*file_, *planned, importance_ ? &*importance_ : nullptr, model.path,
                             team, [&](uint64_t done) -> absl::Status {
                               if (InterruptGuard::interrupted())
                                 return absl::CancelledError();
                               progress(static_cast<double>(done) / whole);
                               return absl::OkStatus();
                             });
  if (absl::StrContains(status.message(), model.path))
    return absl::Status(status.code(),
                        absl::StrCat(status.message(), "; TMPDIR names another folder for it"));
  if (!status.ok())
    return status;
  return model;
}

BenchModel describeModel(const Engine &engine, const FileType *type) {
  const gguf::GgufFile &file = engine.file();
  const ModelSummary summary =
      isArtifact(file) ? summarize(file, engine.program().manifest) : summarize(file);
  BenchModel model;
  model.type = type && !type->copies() ? type->name : typeOf(file, summary);
  model.label = absl::StrCat(summary.architecture, " ", sizeLabel(file, summary.parameters));
  model.name = summary.name;
  model.parameters = summary.parameters;
  model.tensorBytes = summary.tensorBytes;
  // A file may end after its header when only shapes count.
  model.fileBytes = file.fileBytes() < summary.tensorBytes ? file.fileBytes() + summary.tensorBytes
                                                           : file.fileBytes();
  model.bitsPerWeight = summary.bitsPerWeight();
  return model;
}

} // namespace llmc::cli
