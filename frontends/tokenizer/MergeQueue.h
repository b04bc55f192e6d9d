// The greedy merging of neighbours that both kinds of tokenizer share: the best pair first, the
// leftmost of equals, until no pair is left. n log n in the number of symbols.
#ifndef LLMC_FRONTENDS_TOKENIZER_MERGEQUEUE_H
#define LLMC_FRONTENDS_TOKENIZER_MERGEQUEUE_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace llmc::tokenizer {

struct Symbol {
  int32_t id;      // the caller's; -1 for text without one
  uint32_t begin;  // byte offset
  uint32_t length; // in bytes; 0 when merged into the symbol on its left
  int32_t previous, next;
};

struct Merge {
  int32_t rank; // the lowest one goes first; negative: the pair does not merge
  int32_t id;   // of the result
};

class MergeQueue {
public:
  void clear() { symbols_.clear(); }
  void append(int32_t id, uint32_t begin, uint32_t length) {
    auto index = static_cast<int32_t>(symbols_.size());
    symbols_.push_back({id, begin, length, index - 1, index + 1});
  }

  // `find(left, right)` is the Merge of two neighbours. `visit` gets the remaining symbols in
  // order.
  template <class Find, class Visit>
  void run(Find find, Visit visit) {
    if (symbols_.empty())
      return;
    symbols_.back().next = -1;
    candidates_.clear();
    for (int32_t i = 0; symbols_[i].next >= 0; ++i)
      addCandidate(i, find);
    std::make_heap(candidates_.begin(), candidates_.end());
    while (!candidates_.empty()) {
      std::pop_heap(candidates_.begin(), candidates_.end());
      Candidate best = candidates_.back();
      candidates_.pop_back();
      Symbol &left = symbols_[best.left];
      // Symbols only ever grow, so a pair is still the one that was found if its length is.
      if (left.length == 0 || left.next < 0)
        continue;
      Symbol &right = symbols_[left.next];
      if (left.length + right.length != best.length)
        continue;
      left.id = best.id;
      left.length += right.length;
      right.length = 0;
      left.next = right.next;
      if (right.next >= 0)
        symbols_[right.next].previous = best.left;
      if (left.previous >= 0 && addCandidate(left.previous, find))
        std::push_heap(candidates_.begin(), candidates_.end());
      if (left.next >= 0 && addCandidate(best.left, find))
        std::push_heap(candidates_.begin(), candidates_.end());
    }
    for (int32_t i = 0; i >= 0; i = symbols_[i].next)
      visit(symbols_[i]);
  }

private:
  struct Candidate {
    int32_t rank;
    int32_t left;
    uint32_t length;
    int32_t id;
    bool operator<(const Candidate &other) const { // the heap's top is the greatest
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };

  template <class Find>
  bool addCandidate(int32_t left, Find find) {
    const Symbol &first = symbols_[left];
    const Symbol &second = symbols_[first.next];
    Merge merge = find(first, second);
    if (merge.rank < 0)
      return false;
    candidates_.push_back({merge.rank, left, first.length + second.length, merge.id});
    return true;
  }

  std::vector<Symbol> symbols_;
  std::vector<Candidate> candidates_;
};

} // namespace llmc::tokenizer

#endif
