#include "frontends/chat/jinja/Globals.h"
#include "frontends/chat/jinja/NativeFunction.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {
namespace {

constexpr uint64_t kLongestRange = 100000; // as Jinja's sandbox has it

Value range(Evaluator &evaluator, const Arguments &arguments) {
  const auto bound = bindArguments("range", arguments, {"start", "stop", "step"}, 1);
  const auto number = [&](size_t i) { return integerArgument("range", *bound[i]); };
  const int64_t start = bound[1] ? number(0) : 0, stop = bound[1] ? number(1) : number(0);
  const int64_t step = bound[2] ? number(2) : 1;
  if (step == 0)
    fail("the step of 'range' cannot be 0");
  // As unsigned numbers the differences cannot overflow.
  const uint64_t distance =
      step > 0 ? uint64_t(stop) - uint64_t(start) : uint64_t(start) - uint64_t(stop);
  const uint64_t stride = step > 0 ? uint64_t(step) : 0 - uint64_t(step);
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const uint64_t count = empty ? 0 : (distance - 1) / stride + 1;
  if (count > kLongestRange)
    fail("a range of ", count, " numbers is too long; the most are ", kLongestRange);
  std::vector<Value> items;
  for (uint64_t i = 0; i < count; ++i)
    items.push_back(Value::integer(int64_t(uint64_t(start) + i * uint64_t(step))));
  return evaluator.heap().list(std::move(items));
}

// The entries that dict() and namespace() are called with: a dict or pairs, and names.
Value entries(Evaluator &evaluator, const Arguments &arguments) {
  const Value dict = evaluator.heap().dict({});
  for (const Value &given : arguments.positional) {
    if (given.isDict()) {
      for (const auto &[key, value] : given.mapping().entries)
        setEntry(evaluator.heap(), dict.mapping(), key, value);
      continue;
    }
    for (const Value &pair : iterate(evaluator.heap(), given)) {
      const std::vector<Value> parts = iterate(evaluator.heap(), pair);
      if (parts.size() != 2)
        fail("a dict is made of pairs, not of ", parts.size(), " values");
      setEntry(evaluator.heap(), dict.mapping(), parts[0], parts[1]);
    }
  }
  for (const auto &[name, value] : arguments.keywords)
    setEntry(evaluator.heap(), dict.mapping(), Value::text(name), value);
  return dict;
}

Value nameSpace(Evaluator &evaluator, const Arguments &arguments) {
  return Value::nameSpace(&entries(evaluator, arguments).mapping());
}

Value raiseException(Evaluator &evaluator, const Arguments &arguments) {
  const auto bound = bindArguments("raise_exception", arguments, {"message"}, 1);
  fail(toText(evaluator.heap(), *bound[0]));
}

Value strftimeNow(Evaluator &evaluator, const Arguments &arguments) {
  const auto bound = bindArguments("strftime_now", arguments, {"format"}, 1);
  const std::string format(textArgument("strftime_now", *bound[0]));
  std::string text(4096, '\0');
  std::tm time = {};
  const std::time_t now = evaluator.now();
  localtime_r(&now, &time);
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &time));
  if (text.empty() && !format.empty())
    fail("strftime_now cannot write a date by this format");
  return evaluator.heap().text(std::move(text));
}

// Gives its values in turn.
class Cycler : public Object {
public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  absl::string_view typeName() const override { return "Cycler"; }
  bool callable() const override { return false; }
  Value attribute(Evaluator &evaluator, absl::string_view name) override {
    if (name == "current")
      return items_[at_];
    const bool reset = name == "reset";
    if (!reset && name != "next")
      return {};
    return evaluator.heap().object<NativeFunction>(reset ? "reset" : "next",
                                                   [this, reset](Evaluator &, const Arguments &) {
                                                     const Value item = items_[at_];
                                                     at_ = reset ? 0 : (at_ + 1) % items_.size();
                                                     return reset ? Value::none() : item;
                                                   });
  }

private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

Value cycler(Evaluator &evaluator, const Arguments &arguments) {
  if (arguments.positional.empty())
    fail("'cycler' needs values");
  return evaluator.heap().object<Cycler>(arguments.positional);
}

// Nothing at the first call, then the separator.
Value joiner(Evaluator &evaluator, const Arguments &arguments) {
  const auto bound = bindArguments("joiner", arguments, {"sep"});
  const Value separator = bound[0].value_or(Value::text(", "));
  return evaluator.heap().object<NativeFunction>(
      "joiner", [separator, used = false](Evaluator &, const Arguments &) mutable {
        return std::exchange(used, true) ? separator : Value::text("");
      });
}

struct Function {
  absl::string_view name;
  Value (*function)(Evaluator &, const Arguments &);
};

constexpr Function kFunctions[] = {
    {"range", range},
    {"dict", entries},
    {"namespace", nameSpace},
    {"cycler", cycler},
    {"joiner", joiner},
    {"raise_exception", raiseException},
    {"strftime_now", strftimeNow},
};

} // namespace

void setGlobals(Heap &heap, Scope &scope) {
  for (const Function &function : kFunctions)
    scope.names.emplace_back(function.name,
                             heap.object<NativeFunction>(function.name, function.function));
}

} // namespace llmc::chat
