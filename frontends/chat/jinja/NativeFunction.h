#ifndef LLMC_FRONTENDS_CHAT_JINJA_NATIVEFUNCTION_H
#define LLMC_FRONTENDS_CHAT_JINJA_NATIVEFUNCTION_H

#include "frontends/chat/jinja/Evaluator.h"
#include <functional>

namespace llmc::chat {

// A function that is not written in the template.
class NativeFunction : public Object {
public:
  using Body = std::function<Value(Evaluator &, const Arguments &)>;
  NativeFunction(absl::string_view name, Body body) : name_(name), body_(std::move(body)) {}

  absl::string_view typeName() const override { return "function"; }
  Value call(Evaluator &evaluator, const Arguments &arguments) override {
    return body_(evaluator, arguments);
  }

private:
  absl::string_view name_;
  Body body_;
};

} // namespace llmc::chat

#endif
