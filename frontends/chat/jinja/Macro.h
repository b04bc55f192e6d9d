#ifndef LLMC_FRONTENDS_CHAT_JINJA_MACRO_H
#define LLMC_FRONTENDS_CHAT_JINJA_MACRO_H

#include "frontends/chat/jinja/Evaluator.h"

namespace llmc::chat {

// A macro, or the body of a `call`.
class Macro : public Object {
public:
  Macro(absl::string_view name, const Signature &signature, const Body &body, Scope *definedIn)
      : name_(name), signature_(signature), body_(body), definedIn_(definedIn) {}

  absl::string_view typeName() const override { return "Macro"; }
  Value call(Evaluator &evaluator, const Arguments &arguments) override {
    return evaluator.callMacro(name_, signature_, body_, definedIn_, arguments);
  }
  Value attribute(Evaluator &, absl::string_view name) override {
    return name == "name" ? Value::text(name_) : Value();
  }

private:
  absl::string_view name_;
  const Signature &signature_;
  const Body &body_;
  Scope *definedIn_;
};

} // namespace llmc::chat

#endif
