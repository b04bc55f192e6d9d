#include "runtime/core/SafetensorsHeader.h"

#include "absl/strings/str_cat.h"

#include <nlohmann/json.hpp>

namespace llmc {
namespace {

constexpr size_t kMostDims = 8;

/// States are named after what the parser is inside of.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
public:
  SafetensorsRecords records;
  std::string problem;

  bool key(string_t &name) override {
    switch (state_) {
    case State::File:
      if (name == "__metadata__") {
        state_ = State::MetadataValue;
      } else {
        records.tensors.emplace_back().name = std::move(name);
        seen_ = 0;
        state_ = State::TensorValue;
      }
      return true;
    case State::Metadata:
      metadataKey_ = std::move(name);
      return true;
    case State::Tensor:
      field_ = name == "dtype"          ? Field::Type
               : name == "shape"        ? Field::Shape
               : name == "data_offsets" ? Field::Offsets
                                        : Field::None;
      if (field_ == Field::None || (seen_ & int(field_)))
        return fail("a tensor has a field that is unknown or there twice");
      seen_ |= int(field_);
      return true;
    default:
      return misplaced();
    }
  }

  bool start_object(size_t) override {
    if (state_ == State::Start)
      state_ = State::File;
    else if (state_ == State::MetadataValue)
      state_ = State::Metadata;
    else if (state_ == State::TensorValue)
      state_ = State::Tensor;
    else
      return misplaced();
    return true;
  }

  bool end_object() override {
    if (state_ == State::Tensor && seen_ != 7)
      return fail("a tensor lacks dtype, shape or data_offsets");
    state_ = state_ == State::File ? State::End : State::File;
    return true;
  }

  bool start_array(size_t) override {
    if (state_ != State::Tensor || (field_ != Field::Shape && field_ != Field::Offsets))
      return misplaced();
    state_ = State::Numbers;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    SafetensorsRecord &tensor = records.tensors.back();
    state_ = State::Tensor;
    if (field_ == Field::Shape) {
      tensor.shape = numbers_;
      return true;
    }
    if (numbers_.size() != 2)
      return fail("data_offsets are not two numbers");
    tensor.offsets = {numbers_[0], numbers_[1]};
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ != State::Numbers)
      return misplaced();
    if (numbers_.size() == kMostDims)
      return fail("a tensor has more than 8 extents");
    numbers_.push_back(value);
    return true;
  }

  bool string(string_t &value) override {
    if (state_ == State::Metadata) {
      if (!records.metadata.emplace(metadataKey_, std::move(value)).second)
        return fail("a key of the metadata is there twice");
      return true;
    }
    if (state_ != State::Tensor || field_ != Field::Type)
      return misplaced();
    records.tensors.back().type = std::move(value);
    return true;
  }

  bool null() override { return misplaced(); }
  bool boolean(bool) override { return misplaced(); }
  bool number_integer(number_integer_t) override { return misplaced(); }
  bool number_float(number_float_t, const string_t &) override { return misplaced(); }
  bool binary(binary_t &) override { return misplaced(); }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::detail::exception &) override {
    return fail(absl::StrCat("not JSON at byte ", position));
  }

private:
  enum class State { Start, File, MetadataValue, Metadata, TensorValue, Tensor, Numbers, End };
  enum class Field { None = 0, Type = 1, Shape = 2, Offsets = 4 };

  bool fail(std::string what) {
    if (problem.empty())
      problem = std::move(what);
    return false;
  }
  bool misplaced() { return fail("a value stands where the format has none"); }

  State state_ = State::Start;
  Field field_ = Field::None;
  int seen_ = 0;
  std::string metadataKey_;
  std::vector<uint64_t> numbers_;
};

} // namespace

absl::StatusOr<SafetensorsRecords> parseSafetensorsHeader(absl::string_view json) {
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader))
    return absl::InvalidArgumentError(reader.problem);
  return std::move(reader.records);
}

} // namespace llmc
