#ifndef LLMC_FRONTENDS_CHAT_JINJA_LOOP_H
#define LLMC_FRONTENDS_CHAT_JINJA_LOOP_H

#include "frontends/chat/jinja/Evaluator.h"

namespace llmc::chat {

// The `loop` of a for.
class Loop : public Object {
public:
  explicit Loop(std::vector<Value> items) : items_(std::move(items)) {}
  void moveTo(size_t index) { index_ = index; }

  absl::string_view typeName() const override { return "LoopContext"; }
  bool callable() const override { return false; }
  Value attribute(Evaluator &evaluator, absl::string_view name) override;

private:
  const std::vector<Value> items_;
  size_t index_ = 0;
  std::vector<Value> lastSeen_; // by changed()
};

} // namespace llmc::chat

#endif
