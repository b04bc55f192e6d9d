#include "frontends/gguf/import/ParameterReader.h"
#include "absl/strings/str_cat.h"
#include <cmath>

namespace llmc {

ParameterReader::ParameterReader(const ModelBuilder &builder, absl::string_view architecture)
    : builder_(builder), prefix_(absl::StrCat(architecture, ".")) {}

bool ParameterReader::has(absl::string_view key) const {
  return builder_.file.contains(absl::StrCat(prefix_, key));
}

void ParameterReader::fail(absl::string_view key, absl::string_view what) {
  if (status.ok())
    status = builder_.error(absl::StrCat("'", prefix_, key, "' ", what));
}

template <class T>
T ParameterReader::get(const std::string &key) {
  absl::StatusOr<T> value = builder_.file.get<T>(key);
  if (value.ok())
    return *value;
  if (status.ok())
    status = value.status();
  return T();
}

int64_t ParameterReader::count(absl::string_view key, int64_t most, int64_t fallback) {
  std::string full = absl::StrCat(prefix_, key);
  const gguf::KeyValue *found = builder_.file.find(full);
  if (!found && fallback >= 0)
    return fallback;
  int64_t value =
      found && found->type == gguf::ValueType::Array ? sameForAllLayers(full) : get<int64_t>(full);
  if (status.ok() && (value < 1 || value > most))
    fail(key, absl::StrCat("is ", value, ", expected 1 to ", most));
  return status.ok() ? value : 1;
}

double ParameterReader::number(absl::string_view key, double fallback) {
  if (!has(key))
    return fallback;
  double value = get<float>(absl::StrCat(prefix_, key));
  if (status.ok() && !std::isfinite(value))
    fail(key, "is not a finite number");
  return value;
}

std::string ParameterReader::text(absl::string_view key) {
  return has(key) ? get<std::string>(absl::StrCat(prefix_, key)) : "";
}

bool ParameterReader::flag(absl::string_view key, bool fallback) {
  return has(key) ? get<bool>(absl::StrCat(prefix_, key)) : fallback;
}

int64_t ParameterReader::window() {
  constexpr absl::string_view kKey = "attention.sliding_window";
  return has(kKey) ? count(kKey, int64_t(1) << 31, 0) : 0;
}

int64_t ParameterReader::sameForAllLayers(const std::string &key) {
  absl::StatusOr<std::vector<int64_t>> values = builder_.file.getArray<int64_t>(key);
  if (!values.ok()) {
    if (status.ok())
      status = values.status();
    return 1;
  }
  for (int64_t value : *values)
    if (value != values->front() && status.ok())
      status = builder_.error(
          absl::StrCat("'", key, "' differs from layer to layer, which llmc does not support"));
  return values->empty() ? 0 : values->front();
}

} // namespace llmc
