#include "frontends/gguf/file/GgufValues.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/ByteReader.h"
#include "frontends/gguf/file/GgufText.h"
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace llmc::gguf {
namespace {

// Calls `visit` with the number at `bytes` in its own type; false for strings and arrays.
template <class Visit>
bool visitScalar(ValueType type, const uint8_t *bytes, Visit visit) {
  switch (type) {
  case ValueType::U8:
    return visit(load<uint8_t>(bytes)), true;
  case ValueType::I8:
    return visit(load<int8_t>(bytes)), true;
  case ValueType::U16:
    return visit(load<uint16_t>(bytes)), true;
  case ValueType::I16:
    return visit(load<int16_t>(bytes)), true;
  case ValueType::U32:
    return visit(load<uint32_t>(bytes)), true;
  case ValueType::I32:
    return visit(load<int32_t>(bytes)), true;
  case ValueType::U64:
    return visit(load<uint64_t>(bytes)), true;
  case ValueType::I64:
    return visit(load<int64_t>(bytes)), true;
  case ValueType::F32:
    return visit(load<float>(bytes)), true;
  case ValueType::F64:
    return visit(load<double>(bytes)), true;
  case ValueType::Bool:
    return visit(*bytes != 0), true;
  case ValueType::String:
  case ValueType::Array:
    break;
  }
  return false;
}

template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, absl::string_view>;

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

enum class Fit { Yes, WrongType, OutOfRange };

// Converts a scalar by the rules of GgufFile::get().
template <class T>
Fit convert(ValueType type, const uint8_t *bytes, T &result) {
  Fit fit = Fit::WrongType;
  visitScalar(type, bytes, [&](auto value) {
    using Found = decltype(value);
    if constexpr (Integer<T> && Integer<Found>) {
      fit = std::in_range<T>(value) ? Fit::Yes : Fit::OutOfRange;
      if (fit == Fit::Yes)
        result = static_cast<T>(value);
    } else if constexpr (std::floating_point<T> && std::floating_point<Found>) {
      bool tooLarge = std::isfinite(value) &&
                      std::abs(value) > static_cast<double>(std::numeric_limits<T>::max());
      fit = tooLarge ? Fit::OutOfRange : Fit::Yes;
      if (!tooLarge)
        result = static_cast<T>(value);
    } else if constexpr (std::same_as<T, Found>) {
      fit = Fit::Yes;
      result = value;
    }
  });
  return fit;
}

absl::Status typeError(const KeyValue &keyValue, absl::string_view file, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": metadata key ", inQuotes(keyValue.key), " is ", keyValue.typeName(),
                   ", expected ", wanted, "; convert the model again with a current converter"));
}

absl::Status rangeError(absl::string_view file, absl::string_view place, absl::string_view found,
                        absl::string_view wanted) {
  return absl::OutOfRangeError(absl::StrCat(file, ": ", place, " is ", found,
                                            ", which does not fit ", wanted,
                                            "; convert the model again with a current converter"));
}

std::string scalarText(ValueType type, const uint8_t *bytes) {
  std::string text;
  visitScalar(type, bytes, [&](auto value) {
    if constexpr (std::same_as<decltype(value), bool>)
      text = value ? "true" : "false";
    else if constexpr (sizeof(value) == 1)
      text = absl::StrCat(static_cast<int>(value));
    else
      text = absl::StrCat(value);
  });
  return text;
}

absl::string_view textOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace

absl::string_view valueTypeName(ValueType type) {
  constexpr const char *names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                   "bool", "string", "array", "u64", "i64", "f64"};
  auto id = static_cast<uint32_t>(type);
  return id < std::size(names) ? names[id] : "unknown";
}

size_t scalarBytes(ValueType type) {
  constexpr uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  auto id = static_cast<uint32_t>(type);
  return id < std::size(sizes) ? sizes[id] : 0;
}

std::string KeyValue::typeName() const {
  if (type == ValueType::Array)
    return absl::StrCat("array of ", valueTypeName(elementType));
  return std::string(valueTypeName(type));
}

std::string KeyValue::preview(size_t limit) const {
  if (type == ValueType::String)
    return absl::StrCat("\"", printable(textOf(value), limit), "\"");
  if (type != ValueType::Array)
    return scalarText(type, value.data());
  std::string text = "[";
  ByteReader reader(value);
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0)
      text += ", ";
    if (text.size() >= limit) {
      absl::StrAppend(&text, "... ", count);
      break;
    }
    if (elementType == ValueType::String) {
      absl::string_view element;
      reader.readString(element);
      absl::StrAppend(&text, "\"", printable(element, limit - text.size()), "\"");
    } else {
      text += scalarText(elementType, value.data() + i * scalarBytes(elementType));
    }
  }
  return text + "]";
}

template <MetadataValue T>
absl::string_view typeNameOf() {
  if constexpr (Text<T>)
    return "string";
  else if constexpr (std::same_as<T, bool>)
    return "bool";
  else if constexpr (std::same_as<T, uint32_t>)
    return "u32";
  else if constexpr (std::same_as<T, int32_t>)
    return "i32";
  else if constexpr (std::same_as<T, uint64_t>)
    return "u64";
  else if constexpr (std::same_as<T, int64_t>)
    return "i64";
  else
    return std::same_as<T, float> ? "f32" : "f64";
}

template <MetadataValue T>
absl::StatusOr<T> scalarAs(const KeyValue &keyValue, absl::string_view file) {
  if constexpr (Text<T>) {
    if (keyValue.type == ValueType::String)
      return T(textOf(keyValue.value));
  } else {
    T result{};
    Fit fit = convert(keyValue.type, keyValue.value.data(), result);
    if (fit == Fit::Yes)
      return result;
    if (fit == Fit::OutOfRange)
      return rangeError(file, absl::StrCat("metadata key ", inQuotes(keyValue.key)),
                        scalarText(keyValue.type, keyValue.value.data()), typeNameOf<T>());
  }
  return typeError(keyValue, file, typeNameOf<T>());
}

template <MetadataValue T>
absl::StatusOr<std::vector<T>> arrayAs(const KeyValue &keyValue, absl::string_view file) {
  auto wrongType = [&] {
    return typeError(keyValue, file, absl::StrCat("array of ", typeNameOf<T>()));
  };
  if (keyValue.type != ValueType::Array)
    return wrongType();
  std::vector<T> result;
  if constexpr (Text<T>) {
    if (keyValue.elementType != ValueType::String)
      return wrongType();
    result.reserve(keyValue.count);
    ByteReader reader(keyValue.value);
    absl::string_view element;
    while (reader.readString(element))
      result.emplace_back(element);
  } else {
    size_t size = scalarBytes(keyValue.elementType);
    // Also for an array without elements the type must be right.
    constexpr uint8_t zeros[8] = {};
    T value{};
    if (convert(keyValue.elementType, zeros, value) == Fit::WrongType)
      return wrongType();
    result.reserve(keyValue.count);
    for (uint64_t i = 0; i < keyValue.count; ++i) {
      const uint8_t *bytes = keyValue.value.data() + i * size;
      if (convert(keyValue.elementType, bytes, value) != Fit::Yes)
        return rangeError(file,
                          absl::StrCat("element ", i, " of metadata key ", inQuotes(keyValue.key)),
                          scalarText(keyValue.elementType, bytes), typeNameOf<T>());
      result.push_back(value);
    }
  }
  return result;
}

#define LLMC_INSTANTIATE(T)                                                                        \
  template absl::string_view typeNameOf<T>();                                                      \
  template absl::StatusOr<T> scalarAs<T>(const KeyValue &, absl::string_view);                     \
  template absl::StatusOr<std::vector<T>> arrayAs<T>(const KeyValue &, absl::string_view);
LLMC_INSTANTIATE(uint32_t)
LLMC_INSTANTIATE(int32_t)
LLMC_INSTANTIATE(uint64_t)
LLMC_INSTANTIATE(int64_t)
LLMC_INSTANTIATE(float)
LLMC_INSTANTIATE(double)
LLMC_INSTANTIATE(bool)
LLMC_INSTANTIATE(std::string)
LLMC_INSTANTIATE(absl::string_view)
#undef LLMC_INSTANTIATE

} // namespace llmc::gguf
