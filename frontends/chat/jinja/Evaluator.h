// Runs a template.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_EVALUATOR_H
#define LLMC_FRONTENDS_CHAT_JINJA_EVALUATOR_H

#include "frontends/chat/jinja/Arguments.h"
#include "frontends/chat/jinja/Heap.h"
#include "frontends/chat/jinja/Syntax.h"
#include <ctime>

namespace llmc::chat {

class Evaluator {
public:
  // `now` is what strftime_now() formats.
  Evaluator(Heap &heap, Scope *globals, std::time_t now)
      : heap_(heap), scope_(globals), now_(now) {}

  // What `body` writes. Throws TemplateError, as all members do; this one's has the line.
  std::string run(const Body &body);

  Heap &heap() { return heap_; }
  std::time_t now() const { return now_; }

  // Evaluator.cpp
  Value evaluate(const Expression &expression);

  // Calls.cpp
  Value call(const Value &callee, const Arguments &arguments);
  Value applyFilter(absl::string_view name, const Value &value, const Arguments &arguments);
  bool applyTest(absl::string_view name, const Value &value, const Arguments &arguments);
  // A macro's body with its parameters, seen from where it was defined.
  Value callMacro(absl::string_view name, const Signature &signature, const Body &body,
                  Scope *definedIn, const Arguments &arguments);

  // Attributes.cpp
  // value.name: a method or attribute, else an entry. Undefined when there is neither.
  Value attribute(const Value &value, absl::string_view name);
  // value[key]: the other way round.
  Value subscript(const Value &value, const Value &key);

private:
  enum class Flow { On, Break, Continue };
  class Depth;
  class InScope;

  // Evaluator.cpp
  Value evaluateKind(const Expression &expression);
  Value evaluateCompare(const Expression &expression);
  Value evaluateSlice(const Expression &expression);
  std::vector<Value> evaluateAll(const std::vector<ExpressionPtr> &expressions);

  // Calls.cpp
  Arguments evaluateArguments(const std::vector<Argument> &arguments);
  Value evaluateFilters(const Expression &expression, const Value *block);

  // Statements.cpp
  Flow execute(const Body &body);
  Flow execute(const Statement &statement);
  Flow executeFor(const Statement &loop);
  Flow executeIf(const Statement &statement);
  Flow executeWith(const Statement &with);
  void executeCall(const Statement &call);
  // Sets `text` to what `body` writes in a scope of its own. A break or continue loses the text.
  Flow capture(const Body &body, Value &text);
  void write(absl::string_view text);
  void assign(const Target &target, const Value &value);
  void setName(absl::string_view name, const Value &value);

  Heap &heap_;
  Scope *scope_;
  const std::time_t now_;
  std::string *out_ = nullptr;
  int line_ = 0, depth_ = 0;
};

} // namespace llmc::chat

#endif
