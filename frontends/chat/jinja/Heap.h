// All that one rendering makes, freed with it, and what it may make and do at the most.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_HEAP_H
#define LLMC_FRONTENDS_CHAT_JINJA_HEAP_H

#include "frontends/chat/jinja/Value.h"
#include <deque>
#include <memory>
#include <string>

namespace llmc::chat {

// Names of one scope, and the scope around it.
struct Scope {
  Scope *parent;
  std::vector<std::pair<absl::string_view, Value>> names;

  Value *findHere(absl::string_view name);
  Value *find(absl::string_view name);
};

class Heap {
public:
  // `bytes` and `steps` are what may be made and done; beyond that, members throw TemplateError.
  Heap(uint64_t bytes, uint64_t steps) : bytes_(bytes), steps_(steps) {}

  Value text(std::string text);
  Value undefined(std::string what);
  Value list(std::vector<Value> items);
  Value tuple(std::vector<Value> items);
  Value dict(std::vector<std::pair<Value, Value>> entries);
  Value nameSpace(std::vector<std::pair<Value, Value>> entries);
  template <class T, class... Parts>
  Value object(Parts &&...parts) {
    charge(sizeof(T));
    return Value::object(
        objects_.emplace_back(std::make_unique<T>(std::forward<Parts>(parts)...)).get());
  }
  Scope *scope(Scope *parent);

  // Before memory is taken that the calls above do not see.
  void charge(uint64_t bytes);
  // Before work on `bytes` bytes, or one step.
  void work(uint64_t bytes = 0);

private:
  Sequence *sequence(std::vector<Value> items);
  Mapping *mapping(std::vector<std::pair<Value, Value>> entries);

  uint64_t bytes_, steps_;
  std::deque<std::string> texts_;
  std::deque<Sequence> sequences_;
  std::deque<Mapping> mappings_;
  std::deque<Scope> scopes_;
  std::deque<std::unique_ptr<Object>> objects_;
};

} // namespace llmc::chat

#endif
