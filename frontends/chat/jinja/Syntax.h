// A template as its parser leaves it.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_SYNTAX_H
#define LLMC_FRONTENDS_CHAT_JINJA_SYNTAX_H

#include "frontends/chat/jinja/Value.h"
#include <memory>
#include <string>
#include <vector>

namespace llmc::chat {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// One argument of a call: `value`, `name=value`, `*value` or `**value`.
struct Argument {
  enum class Form { Positional, Keyword, Sequence, Mapping };
  Form form = Form::Positional;
  std::string name = {};
  ExpressionPtr value = nullptr;
};

struct Expression {
  enum class Kind {
    Constant,    // constant, whose text is `name`
    Name,        // name
    List,        // operands
    Tuple,       // operands
    Dict,        // operands: key, value, key, value, ...
    Attribute,   // operands[0].name
    Subscript,   // operands[0][operands[1]]
    Slice,       // operands[0][operands[1]:operands[2]:operands[3]], each bound nullptr if left out
    Call,        // operands[0](arguments)
    Filter,      // operands[0] | name(arguments); operands[0] is nullptr in front of a block
    Test,        // operands[0] is name(arguments)
    Not,         // not operands[0]
    And,         // operands[0] and operands[1]
    Or,          // operands[0] or operands[1]
    Unary,       // name (+ or -) operands[0]
    Binary,      // operands[0] name operands[1]
    Concatenate, // operands[0] ~ operands[1] ~ ...
    Compare,     // operands[0] operators[0] operands[1] operators[1] operands[2] ...
    Conditional, // operands[1] if operands[0] else operands[2], which may be nullptr
  };
  Kind kind;
  int line;
  int depth = 1; // of the tree of operands
  std::string name = {};
  Value constant = {};
  std::vector<ExpressionPtr> operands = {};
  std::vector<Argument> arguments = {};
  std::vector<std::string> operators = {};
};

struct Statement;
using Body = std::vector<Statement>;

// A name, an attribute of a namespace, or a tuple of targets.
struct Target {
  std::string name = {}, attribute = {};
  std::vector<Target> parts = {};
};

// What a macro or the body of a `call` takes.
struct Signature {
  std::vector<std::string> parameters = {};
  std::vector<ExpressionPtr> defaults = {}; // of the last parameters
  bool takesMore = false;                   // the body uses `varargs`
  bool takesKeywords = false;               // `kwargs`
  bool takesCaller = false;                 // `caller`
};

struct Branch {
  ExpressionPtr condition; // nullptr: else
  Body body;
};

struct Statement {
  enum class Kind {
    Text,     // text
    Output,   // expression
    For,      // target in expression if condition: body, otherwise
    If,       // branches
    Set,      // target = expression
    SetBlock, // target = what body gives, through the filters of expression if there is one
    Macro,    // text: the name; signature, body
    Call,     // expression is a Call; body is its caller, with signature
    Filter,   // what body gives through the filters of expression
    With,     // targets[i] = values[i]: body
    Scope,    // body, with names of its own
    Break,
    Continue,
  };
  Kind kind;
  int line;
  std::string text = {};
  ExpressionPtr expression = nullptr, condition = nullptr;
  Target target = {};
  std::vector<Branch> branches = {};
  Body body = {}, otherwise = {};
  Signature signature = {};
  std::vector<Target> targets = {};
  std::vector<ExpressionPtr> values = {};
};

} // namespace llmc::chat

#endif
