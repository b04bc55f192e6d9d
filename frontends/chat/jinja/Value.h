// The values of a template, with Python's types.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_VALUE_H
#define LLMC_FRONTENDS_CHAT_JINJA_VALUE_H

#include "absl/strings/string_view.h"
#include <cstdint>
#include <utility>
#include <vector>

namespace llmc::chat {

enum class Kind : uint8_t {
  Undefined, // what a name or an attribute that is not there gives
  None,
  Boolean,
  Integer,
  Float,
  String, // UTF-8
  List,
  Tuple,
  Dict,
  Namespace,
  Object,
};

struct Sequence;
struct Mapping;
class Object;

// Small, and copied freely: texts and containers belong to a Heap, which must live longer.
class Value {
public:
  Value() : kind_(Kind::Undefined), integer_(0) {}
  static Value undefined(absl::string_view what) { return Value(Kind::Undefined, what); }
  static Value none() { return Value(Kind::None, int64_t(0)); }
  static Value boolean(bool value) { return Value(Kind::Boolean, int64_t(value)); }
  static Value integer(int64_t value) { return Value(Kind::Integer, value); }
  static Value number(double value);
  // `text` is not copied.
  static Value text(absl::string_view text) { return Value(Kind::String, text); }
  static Value list(Sequence *items) { return Value(Kind::List, items); }
  static Value tuple(Sequence *items) { return Value(Kind::Tuple, items); }
  static Value dict(Mapping *entries) { return Value(Kind::Dict, entries); }
  static Value nameSpace(Mapping *entries) { return Value(Kind::Namespace, entries); }
  static Value object(Object *object) { return Value(Kind::Object, object); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool isUndefined() const { return kind_ == Kind::Undefined; }
  bool isNone() const { return kind_ == Kind::None; }
  bool isText() const { return kind_ == Kind::String; }
  bool isSequence() const { return kind_ == Kind::List || kind_ == Kind::Tuple; }
  bool isDict() const { return kind_ == Kind::Dict; }
  // Booleans are integers, as Python has it.
  bool isIntegral() const { return kind_ == Kind::Integer || kind_ == Kind::Boolean; }
  bool isNumber() const { return isIntegral() || kind_ == Kind::Float; }

  // Of the kind that the name says.
  int64_t asInteger() const { return integer_; }
  double asNumber() const { return kind_ == Kind::Float ? number_ : double(integer_); }
  absl::string_view asText() const { return {text_, size_}; }
  // Why it is undefined: "'tools' is undefined".
  absl::string_view reason() const { return size_ ? asText() : "a value is undefined"; }
  Sequence &sequence() const { return *sequence_; }
  Mapping &mapping() const { return *mapping_; } // of a Dict or a Namespace
  Object &object() const { return *object_; }

private:
  Value(Kind kind, int64_t value) : kind_(kind), integer_(value) {}
  Value(Kind kind, absl::string_view text) : kind_(kind), size_(text.size()), text_(text.data()) {}
  Value(Kind kind, Sequence *items) : kind_(kind), sequence_(items) {}
  Value(Kind kind, Mapping *entries) : kind_(kind), mapping_(entries) {}
  Value(Kind kind, Object *object) : kind_(kind), object_(object) {}

  Kind kind_;
  size_t size_ = 0; // of the text
  union {
    int64_t integer_;
    double number_;
    const char *text_;
    Sequence *sequence_;
    Mapping *mapping_;
    Object *object_;
  };
};

struct Sequence {
  std::vector<Value> items;
};

// In the order of insertion.
struct Mapping {
  std::vector<std::pair<Value, Value>> entries;

  // nullptr when there is none.
  Value *find(absl::string_view key);
};

class Evaluator;
struct Arguments;

// What can be called or has attributes of its own: functions, macros, methods, `loop`.
class Object {
public:
  virtual ~Object() = default;
  // As Python's error messages call it.
  virtual absl::string_view typeName() const = 0;
  virtual bool callable() const { return true; }
  virtual Value call(Evaluator &evaluator, const Arguments &arguments);
  // Undefined when there is none.
  virtual Value attribute(Evaluator &evaluator, absl::string_view name) { return {}; }
};

// "int", "str", ...: the type as Python calls it.
absl::string_view typeName(const Value &value);

} // namespace llmc::chat

#endif
