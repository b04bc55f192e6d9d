// What the user says in a chat: lines of standard input, joined to messages.
#ifndef LLMC_TOOLS_LLMC_CHATINPUT_H
#define LLMC_TOOLS_LLMC_CHATINPUT_H

#include <optional>
#include <string>

namespace llmc::cli {

class ChatInput {
public:
  enum class Event {
    Message,     // text
    Command,     // text without its '/'
    End,         // of the input
    Interrupted, // by a signal, which InterruptGuard knows
  };
  struct Entry {
    Event event;
    std::string text = {};
  };

  ChatInput();

  // Waits for the next message or command. A line that ends with a backslash goes on with the next
  // one; """ begins a text of several lines that ends with """. Needs an InterruptGuard.
  Entry next();

  // Whether somebody types: prompts are shown, and errors need not end the program.
  bool interactive() const { return interactive_; }

private:
  enum class LineEnd { Newline, EndOfInput, Signal };
  LineEnd readLine(const char *prompt, std::string &line);

  const bool interactive_;
  std::string buffer_; // read, and not yet given out
};

} // namespace llmc::cli

#endif
