// What the evaluator enters and leaves.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_EVALUATORSCOPES_H
#define LLMC_FRONTENDS_CHAT_JINJA_EVALUATORSCOPES_H

#include "frontends/chat/jinja/Evaluator.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {

// One level of evaluation. A thread's stack has room for many more than kDeepest.
class Evaluator::Depth {
public:
  explicit Depth(Evaluator &evaluator) : evaluator_(evaluator) {
    evaluator_.heap_.work();
    if (evaluator_.depth_ >= kDeepest)
      fail("the template calls itself too deeply");
    ++evaluator_.depth_;
  }
  ~Depth() { --evaluator_.depth_; }
  Depth(const Depth &) = delete;
  Depth &operator=(const Depth &) = delete;

private:
  static constexpr int kDeepest = 600;
  Evaluator &evaluator_;
};

// Names are looked up and set in `scope` as long as one lives.
class Evaluator::InScope {
public:
  InScope(Evaluator &evaluator, Scope *scope)
      : evaluator_(evaluator), outer_(std::exchange(evaluator.scope_, scope)) {}
  ~InScope() { evaluator_.scope_ = outer_; }
  InScope(const InScope &) = delete;
  InScope &operator=(const InScope &) = delete;

private:
  Evaluator &evaluator_;
  Scope *outer_;
};

} // namespace llmc::chat

#endif
