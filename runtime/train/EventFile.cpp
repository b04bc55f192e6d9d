#include "runtime/train/EventFile.h"

#include "runtime/core/Crc32c.h"
#include "runtime/core/FileError.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

namespace llmc {
namespace {

constexpr absl::string_view kPrefix = "events.out.tfevents.";

template <class Word>
void appendLittleEndian(std::string &out, Word word) {
  for (size_t i = 0; i < sizeof(Word); ++i)
    out += static_cast<char>(word >> (8 * i));
}

/// A protocol buffer that is written field by field.
class Message {
public:
  Message &varint(int field, uint64_t value) {
    key(field, 0);
    plain(value);
    return *this;
  }
  Message &fixed64(int field, double value) {
    key(field, 1);
    appendLittleEndian(bytes_, std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message &bytes(int field, absl::string_view value) {
    key(field, 2);
    plain(value.size());
    absl::StrAppend(&bytes_, value);
    return *this;
  }
  Message &message(int field, const Message &value) { return bytes(field, value.bytes_); }
  Message &fixed32(int field, float value) {
    key(field, 5);
    appendLittleEndian(bytes_, std::bit_cast<uint32_t>(value));
    return *this;
  }
  const std::string &text() const { return bytes_; }

private:
  void key(int field, int wire) { plain(static_cast<uint64_t>(field) << 3 | wire); }
  void plain(uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

/// Field numbers of tensorflow/core: util/event.proto, framework/summary.proto, tensor.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log {
constexpr int kStatus = 1, kStart = 1;
}
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9;
}
namespace metadata {
constexpr int kPluginData = 1, kDataClass = 4, kDataClassTensor = 2;
}
namespace plugin_data {
constexpr int kName = 1;
}
namespace tensor {
constexpr int kType = 1, kTypeString = 7, kShape = 2, kStrings = 8;
}
namespace shape {
constexpr int kDimension = 2, kSize = 1;
}

Message eventAt(int64_t step, double wallTime) {
  Message message;
  message.fixed64(event::kWallTime, wallTime);
  if (step != 0)
    message.varint(event::kStep, static_cast<uint64_t>(step));
  return message;
}

std::span<const uint8_t> bytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

void appendRecord(std::string &out, absl::string_view event) {
  std::string length;
  appendLittleEndian(length, static_cast<uint64_t>(event.size()));
  out += length;
  appendLittleEndian(out, maskedCrc32c(bytesOf(length)));
  absl::StrAppend(&out, event);
  appendLittleEndian(out, maskedCrc32c(bytesOf(event)));
}

/// The latest time in the names of the folder's event files; nullopt when there are none.
std::optional<int64_t> latestIn(const std::string &folder) {
  std::optional<int64_t> latest;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    absl::string_view rest = name;
    int64_t seconds;
    if (absl::ConsumePrefix(&rest, kPrefix) &&
        absl::SimpleAtoi(rest.substr(0, rest.find('.')), &seconds))
      latest = std::max(latest.value_or(seconds), seconds);
  }
  return latest;
}

std::string hostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || *name == 0)
    return "localhost";
  std::string host = name;
  std::ranges::replace(host, '/', '_');
  return host;
}

} // namespace

double wallTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

absl::StatusOr<EventFile> EventFile::create(const std::string &folder, int64_t firstStep) {
  const double now = wallTime();
  const std::optional<int64_t> latest = latestIn(folder);
  EventFile file;
  file.isFirst_ = !latest;
  // Runs of the same second stay in their order.
  constexpr int64_t kMostSeconds = 9'999'999'999; // of ten digits, which sort
  const int64_t seconds =
      std::max(static_cast<int64_t>(now), std::min(latest.value_or(0), kMostSeconds - 1) + 1);
  file.path_ = absl::StrFormat("%s/%s%010d.%s.%d", folder, kPrefix, seconds, hostName(), getpid());
  file.descriptor_ =
      ::open(file.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0)
    return fileError(errno, file.path_, "make");
  Message start;
  start.varint(session_log::kStatus, session_log::kStart);
  const std::string events[] = {eventAt(0, now).bytes(event::kFileVersion, "brain.Event:2").text(),
                                eventAt(firstStep, now).message(event::kSessionLog, start).text()};
  if (absl::Status status = file.append(events); !status.ok())
    return status;
  return file;
}

absl::Status EventFile::scalars(int64_t step, double wallTime, std::span<const Scalar> scalars) {
  Message all;
  for (const Scalar &scalar : scalars)
    all.message(summary::kValue,
                Message()
                    .bytes(value::kTag, scalar.tag)
                    .fixed32(value::kSimpleValue, static_cast<float>(scalar.value)));
  const std::string event = eventAt(step, wallTime).message(event::kSummary, all).text();
  return append({&event, 1});
}

absl::Status EventFile::text(int64_t step, double wallTime, absl::string_view tag,
                             absl::string_view markdown) {
  const Message one = Message().varint(shape::kSize, 1);
  const Message tensor = Message()
                             .varint(tensor::kType, tensor::kTypeString)
                             .message(tensor::kShape, Message().message(shape::kDimension, one))
                             .bytes(tensor::kStrings, markdown);
  const Message metadata =
      Message()
          .message(metadata::kPluginData, Message().bytes(plugin_data::kName, "text"))
          .varint(metadata::kDataClass, metadata::kDataClassTensor);
  const Message text = Message()
                           .bytes(value::kTag, tag)
                           .message(value::kTensor, tensor)
                           .message(value::kMetadata, metadata);
  const std::string event = eventAt(step, wallTime)
                                .message(event::kSummary, Message().message(summary::kValue, text))
                                .text();
  return append({&event, 1});
}

absl::Status EventFile::append(std::span<const std::string> events) {
  std::string records;
  for (const std::string &event : events)
    appendRecord(records, event);
  ssize_t written;
  do
    written = ::write(descriptor_, records.data(), records.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(records.size()))
    return fileError(written < 0 ? errno : ENOSPC, path_, "write");
  return absl::OkStatus();
}

EventFile::EventFile(EventFile &&other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)),
      isFirst_(other.isFirst_) {}

EventFile &EventFile::operator=(EventFile &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(isFirst_, other.isFirst_);
  return *this;
}

EventFile::~EventFile() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

} // namespace llmc
