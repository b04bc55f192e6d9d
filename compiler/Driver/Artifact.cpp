#include "compiler/Driver/Artifact.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "frontends/gguf/file/GgufWriter.h"

namespace llmc {
namespace {

constexpr uint32_t kPlainBytes = 24; // ggml's I8
constexpr uint32_t kF32 = 0;

std::span<const uint8_t> bytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

// The bytes of a weight in those of the tensor that it is, or is a part of.
std::span<const uint8_t> partOf(const ProgramWeight &weight, std::span<const uint8_t> tensor) {
  return weight.firstRow ? tensor.subspan(weight.sourceOffset(),
                                          weight.rows * weight.format->rowBytes(weight.columns))
                         : tensor;
}

// Packs a matrix a few megabytes at a time and hands each piece to `append`.
absl::Status writePacked(const ProgramWeight &weight, const uint8_t *source, ThreadTeam &team,
                         gguf::GgufWriter::Append append) {
  const PackedLayout layout(*weight.format);
  const uint64_t groupBytes = layout.groupBytes(weight.columns);
  const uint64_t groups = PackedLayout::groups(weight.rows);
  const uint64_t atOnce = std::max<uint64_t>(1, (uint64_t(16) << 20) / groupBytes);
  std::vector<uint8_t> buffer;
  for (uint64_t first = 0; first < groups; first += atOnce) {
    const uint64_t count = std::min(atOnce, groups - first);
    buffer.resize(count * groupBytes);
    // packGroups() counts from the start of the matrix.
    uint8_t *origin = buffer.data() - first * groupBytes;
    team.run([&](unsigned thread, unsigned threads) {
      packGroups(layout, source, weight.rows, weight.columns, first + count * thread / threads,
                 first + count * (thread + 1) / threads, origin);
    });
    if (absl::Status status = append(buffer); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

} // namespace

absl::Status writeArtifact(const std::string &path, const gguf::GgufFile &source,
                           const AdapterWeights &adapters, absl::string_view programText,
                           const CompiledModel &model, ThreadTeam &team,
                           absl::FunctionRef<absl::Status(double)> progress) {
  absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created =
      gguf::GgufWriter::create(path, kArtifactAlignment);
  if (!created.ok())
    return created.status();
  gguf::GgufWriter &writer = **created;
  absl::Status status = writer.copyMetadata(source);
  auto then = [&](auto &&step) {
    if (status.ok())
      status = step();
  };
  then([&] { return writer.set(kArtifactVersionKey, kArtifactVersion); });
  then([&] { return writer.set(kArtifactProgramKey, programText); });
  then([&] { return writer.set(kArtifactTargetKey, model.target.key()); });

  // What a weight has in its source's layout.
  struct Source {
    std::vector<uint64_t> shape;
    uint32_t ggmlType;
    std::span<const uint8_t> bytes;
  };
  auto sourceOf = [&](const ProgramWeight &weight) -> Source {
    if (std::span<const float> values = adapters.find(weight.name); !values.empty())
      return {
          {weight.columns, weight.rows},
          kF32,
          partOf(weight, {reinterpret_cast<const uint8_t *>(values.data()), values.size_bytes()})};
    const gguf::TensorInfo *info = source.findTensor(weight.name);
    if (!weight.firstRow)
      return {info->shape, info->ggmlType, info->span()};
    std::vector<uint64_t> shape = info->shape;
    shape.back() = weight.isVector ? weight.columns : weight.rows;
    return {shape, info->ggmlType, partOf(weight, info->span())};
  };
  uint64_t total = 0;
  const uint64_t objectBytes = model.seal.size() + model.object.size();
  then([&] {
    return writer.addTensor(kArtifactObjectName, {&objectBytes, 1}, kPlainBytes, objectBytes);
  });
  for (const ProgramWeight &weight : model.manifest.weights) {
    const Source from = sourceOf(weight);
    const uint64_t bytes = weight.bytes();
    total += bytes;
    then([&] {
      return weight.packed
                 ? writer.addTensor(weight.artifactName(), {&bytes, 1}, kPlainBytes, bytes)
                 : writer.addTensor(weight.artifactName(), from.shape, from.ggmlType,
                                    from.bytes.size());
    });
  }
  then([&] {
    return writer.writeTensor(kArtifactObjectName, [&](gguf::GgufWriter::Append append) {
      const absl::Status sealed = append(model.seal);
      return sealed.ok() ? append(bytesOf(model.object)) : sealed;
    });
  });
  uint64_t done = 0;
  for (const ProgramWeight &weight : model.manifest.weights) {
    const Source from = sourceOf(weight);
    then([&] {
      if (!weight.packed)
        return writer.writeTensor(weight.artifactName(), from.bytes);
      return writer.writeTensor(weight.artifactName(), [&](gguf::GgufWriter::Append append) {
        return writePacked(weight, from.bytes.data(), team, append);
      });
    });
    done += weight.bytes();
    then([&] { return progress(double(done) / double(total)); });
  }
  then([&] { return writer.finish(); });
  return status;
}

} // namespace llmc
