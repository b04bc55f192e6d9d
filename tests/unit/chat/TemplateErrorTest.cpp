// What is wrong with a template is said with its line; and what the comparison with Jinja does not
// reach.
#include "frontends/chat/jinja/Template.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

namespace llmc::chat {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::string error(const std::string &source, const Json &variables = Json::object()) {
  const auto parsed = Template::parse(source, "template");
  if (!parsed.ok())
    return std::string(parsed.status().message());
  const auto text = parsed->render(variables);
  return text.ok() ? "no error but: " + *text : std::string(text.status().message());
}

std::string render(const std::string &source, const Json &variables = Json::object()) {
  const auto parsed = Template::parse(source, "template");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto text = parsed->render(variables);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

TEST(TemplateError, NamesTheLineOfSyntax) {
  EXPECT_EQ(error("a\n{% if %}"), "template:2: found '%}' where an expression is expected");
  EXPECT_EQ(error("{% for x in y %}\n\n{{ x }}"),
            "template:3: 'endfor' is missing; the block begins in line 1");
  EXPECT_EQ(error("\n\n{{ 'a }}"), "template:3: a string has no end");
  EXPECT_EQ(error("\n{{ a"), "template:2: a tag has no end, '}}'");
  EXPECT_EQ(error("{# a"), "template:1: a comment has no end, '#}'");
  EXPECT_EQ(error("{% raw %}\n{% endra %}"), "template:1: 'raw' has no 'endraw'");
  EXPECT_EQ(error("{{ (1] }}"), "template:1: ']' stands where ')' is expected");
  EXPECT_EQ(error("{{ 1 ? 2 }}"), "template:1: '?' has no meaning here");
  EXPECT_EQ(error("{% endfor %}"), "template:1: there is no tag 'endfor' here");
  EXPECT_EQ(error("{% break %}"), "template:1: 'break' stands outside of a loop");
  EXPECT_THAT(error("{% include 'x' %}"), HasSubstr("not supported"));
  EXPECT_THAT(error("{% for x in y recursive %}{% endfor %}"), HasSubstr("write a macro"));
  EXPECT_EQ(error("{{ 99999999999999999999 }}"),
            "template:1: the number 99999999999999999999 is too large");
  EXPECT_EQ(error("a\nb\xff"), "template:2: the template is not UTF-8: byte at offset 3");
}

TEST(TemplateError, NamesTheLineOfEvaluation) {
  EXPECT_EQ(error("{{ 1 }}\n{{ x.y }}"), "template:2: 'x' is undefined");
  EXPECT_EQ(error("{% if true %}\n\n{{ d.a.b }}{% endif %}", {{"d", Json::object()}}),
            "template:3: 'dict object' has no attribute 'a'");
  EXPECT_EQ(error("{% macro f() %}\n{{ 1 + 'a' }}{% endmacro %}\n{{ f() }}"),
            "template:2: '+' is not supported between 'int' and 'str'");
  EXPECT_EQ(error("\n{{ raise_exception('No tools, please.') }}"), "template:2: No tools, please.");
  EXPECT_EQ(error("{{ 1 | nothing }}"), "template:1: there is no filter 'nothing'");
  EXPECT_EQ(error("{{ 1 is nothing }}"), "template:1: there is no test 'nothing'");
  EXPECT_EQ(error("{{ none() }}"), "template:1: 'NoneType' cannot be called");
  EXPECT_EQ(error("{{ 'a'.encode() }}"),
            "template:1: the method 'encode' of 'str' is not supported");
  EXPECT_EQ(error("{{ 2 ** 64 }}"), "template:1: a number is too large");
  EXPECT_EQ(error("{{ -9223372036854775807 - 2 }}"), "template:1: a number is too large");
  EXPECT_EQ(error("{{ 1 % 0 }}"), "template:1: division by zero");
  EXPECT_EQ(error("{% set x.y = 1 %}"),
            "template:1: 'x' is no namespace, so that its attributes cannot be set");
}

TEST(TemplateError, RefusesVariablesThatAreNone) {
  EXPECT_THAT(error("", Json::array()), HasSubstr("not a JSON object"));
  EXPECT_THAT(error("{{ x }}", {{"x", "\xff"}}), HasSubstr("not UTF-8"));
  EXPECT_THAT(error("{{ x }}", {{"x", uint64_t(1) << 63}}), HasSubstr("too large"));
}

// Jinja's sandbox refuses these; templates for other interpreters use them.
TEST(Template, ChangesListsAndDicts) {
  EXPECT_EQ(render("{% set l = [1] %}{% set _ = l.append(2) %}{% set _ = l.insert(0, 'x') %}"
                   "{{ l.pop() }}{{ l }}"),
            "2['x', 1]");
  EXPECT_EQ(render("{% set d = {'a': 1} %}{% set _ = d.update(d) %}{% set _ = d.update(b=2) %}"
                   "{{ d.pop('a') }}{{ d }}"),
            "1{'b': 2}");
}

TEST(Template, VariablesHideFunctions) {
  EXPECT_EQ(render("{{ range }}", {{"range", "mine"}}), "mine");
  EXPECT_EQ(render("{% set range = 1 %}{{ range }}"), "1");
}

TEST(Template, FormatsTheTimeThatIsGiven) {
  const auto parsed = Template::parse("{{ strftime_now('%Y') }}", "template");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed->render(Json::object(), {.now = 1'000'000'000}), "2001");
}

TEST(Template, MayBeRenderedAgain) {
  const auto parsed = Template::parse("{% set _ = l.append(1) %}{{ l | length }}", "template");
  ASSERT_TRUE(parsed.ok());
  const Json variables = {{"l", Json::array()}};
  EXPECT_EQ(*parsed->render(variables), "1");
  EXPECT_EQ(*parsed->render(variables), "1");
}

} // namespace
} // namespace llmc::chat
