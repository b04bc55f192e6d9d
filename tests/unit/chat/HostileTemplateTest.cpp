// Templates and messages that want to take a process down: each must end soon, with a text or an
// error.
#include "frontends/chat/jinja/Template.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

namespace llmc::chat {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::string repeated(const std::string &text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i)
    result += text;
  return result;
}

std::string outcome(const std::string &source, const Json &variables = Json::object(),
                    const RenderOptions &options = {}) {
  const auto parsed = Template::parse(source, "template");
  if (!parsed.ok())
    return std::string(parsed.status().message());
  const auto text = parsed->render(variables, options);
  return text.ok() ? "text" : std::string(text.status().message());
}

const auto tooMuch = AnyOf(HasSubstr("too much memory"), HasSubstr("too many steps"));
const auto tooDeep =
    AnyOf(HasSubstr("too deeply"), HasSubstr("too many parts"), HasSubstr("many steps"));

TEST(HostileTemplate, NestsTooDeeply) {
  const int deep = 10'000;
  for (const auto &[open, close] :
       std::vector<std::pair<std::string, std::string>>{{"(", ")"},
                                                        {"[", "]"},
                                                        {"{1: ", "}"},
                                                        {"f(", ")"},
                                                        {"-", ""},
                                                        {"not ", ""},
                                                        {"x[", "]"},
                                                        {"1 if ", " else 1"},
                                                        {"x|default(", ")"},
                                                        {"x is eq(", ")"}})
    EXPECT_THAT(outcome("{{ " + repeated(open, deep) + "1" + repeated(close, deep) + " }}"),
                tooDeep)
        << open;
  for (const std::string link : {" + 1", " ** 1", " and 1", " or 1", ".a", "[0]", "()", "|list",
                                 " is true|list", " if 1 else 2", " if 1"})
    EXPECT_THAT(outcome("{{ x" + repeated(link, deep) + " }}"), tooDeep) << link;
  for (const std::string tag :
       {"{% if 1 %}", "{% for x in [1] %}", "{% set x %}", "{% macro f() %}", "{% call f() %}",
        "{% filter trim %}", "{% with %}", "{% generation %}", "{% if 0 %}{% else %}"})
    EXPECT_THAT(outcome(repeated(tag, deep)), tooDeep) << tag;
  EXPECT_THAT(outcome("{% set " + repeated("(", deep) + "x" + repeated(")", deep) + " = 1 %}"),
              tooDeep);
}

TEST(HostileTemplate, HoldsWhatIsLongButFlat) {
  const int count = 20'000;
  EXPECT_EQ(outcome(repeated("{% if 0 %}{% elif 1 %}{{ 1 }}{% endif %}", count)), "text");
  EXPECT_EQ(outcome("{% if 0 %}" + repeated("{% elif 0 %}", count) + "{% endif %}"), "text");
  EXPECT_EQ(outcome("{{ 1" + repeated(" ~ 1", count) + " }}"), "text");
  EXPECT_EQ(outcome("{{ 1" + repeated(" < 2 > 1", count) + " }}"), "text");
  EXPECT_EQ(outcome("{{ [1" + repeated(", 1", count) + "]|length }}"), "text");
}

TEST(HostileTemplate, CallsItself) {
  EXPECT_THAT(outcome("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), tooDeep);
  EXPECT_THAT(outcome("{% macro f(x=f()) %}{% endmacro %}{{ f() }}"), HasSubstr("template:1: "));
  EXPECT_THAT(outcome("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}"
                      "{% call f() %}{% endcall %}"),
              HasSubstr("template:1: "));
  EXPECT_THAT(
      outcome("{% set ns = namespace() %}{% macro f() %}{{ ns.f() }}{% endmacro %}"
              "{% set ns.f = f %}{{ [ns]|map(attribute='f')|map('string')|list }}{{ f() }}"),
      tooDeep);
}

TEST(HostileTemplate, LoopsTooLong) {
  EXPECT_THAT(outcome("{{ range(10 ** 18) }}"), HasSubstr("too long"));
  EXPECT_THAT(outcome("{{ range(-9223372036854775807, 9223372036854775807)|length }}"),
              HasSubstr("too long"));
  std::string nested;
  for (int i = 0; i < 8; ++i)
    nested += "{% for x" + std::to_string(i) + " in range(99999) %}";
  nested += repeated("{% endfor %}", 8);
  EXPECT_THAT(outcome(nested), tooMuch);
}

TEST(HostileTemplate, GrowsTooLarge) {
  const RenderOptions small = {.memoryBytes = 16 << 20, .steps = 2'000'000};
  for (const std::string step :
       {"x ~ x", "x + x", "x * 9", "x|replace('a', x)", "x|upper ~ x", "[x, x]|join(x)",
        "(x ~ x)|list|join", "x.replace('a', 'aaaa')", "'%s%s' % (x, x)", "'{}{}'.format(x, x)",
        "x|indent(5000, true)", "(x ~ x)|tojson", "x.join([x, x, x])"})
    EXPECT_THAT(outcome("{% set ns = namespace(x='aaaa') %}{% for i in range(9999) %}"
                        "{% set x = ns.x %}{% set ns.x = " +
                            step + " %}{% endfor %}",
                        Json::object(), small),
                tooMuch)
        << step;
  EXPECT_THAT(outcome("{{ 'a' * 10 ** 18 }}"), tooMuch);
  EXPECT_THAT(outcome("{{ [1] * 10 ** 18 }}"), tooMuch);
  EXPECT_THAT(outcome("{{ '%99999999999d' % 1 }}{{ '{:99999999999}'.format(1) }}"),
              HasSubstr("a format asks for more"));
  EXPECT_THAT(outcome("{% for i in range(9999) %}{{ 'a' * 1000000 }}{% endfor %}"), tooMuch);
  // A list that has itself twice is endless when it is printed.
  for (const std::string print : {"{{ l }}", "{{ l|tojson }}", "{{ l == m }}", "{{ l|string }}"})
    EXPECT_THAT(
        outcome("{% set l = [] %}{% set m = [] %}{% set _ = l.append(l) %}"
                "{% set _ = l.append(l) %}{% set _ = m.append(m) %}{% set _ = m.append(m) %}" +
                print),
        AnyOf(tooMuch, tooDeep))
        << print;
  // So is one that is short, but of which each item is the item before it twice.
  EXPECT_THAT(outcome("{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
                      "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}"),
              AnyOf(tooMuch, tooDeep));
}

TEST(HostileTemplate, AsksForWhatCannotBe) {
  for (const std::string expression :
       {"'abc'[9223372036854775807]",
        "'abc'[-9223372036854775807:9223372036854775807:9223372036854775807]",
        "[1, 2][::-9223372036854775807]",
        "-9223372036854775807 // -1",
        "-9223372036854775807 % -1",
        "(-9223372036854775807 - 1) // -1",
        "(-9223372036854775807 - 1)|abs",
        "1e308 * 10|int",
        "1e400|int",
        "(1e308 * 10)|round(2)",
        "1|round(-400)",
        "1.5|round(400)",
        "1.5|round(-400)",
        "'x'|center(9223372036854775807)",
        "'x'|truncate(-9223372036854775807)",
        "'x'|indent(9223372036854775807)",
        "[]|first|last",
        "''|first",
        "{}|first",
        "strftime_now('%' * 9999)",
        "strftime_now('')",
        "'%'|format(1)",
        "'%(a'|format(a=1)",
        "'{'.format()",
        "'}'.format()",
        "'{:}'.format()",
        "'{0[a]}'.format(1)",
        "'{!x}'.format(1)",
        "'\\x41'",
        "'\\u0041'",
        "'\\ud800'",
        "'\\U00110000'",
        "'\\x4'",
        "'\\777'",
        "1e999999999",
        "cycler()",
        "joiner(1, 2)",
        "namespace(1)",
        "dict(1)",
        "dict([1])",
        "dict('ab')",
        "x.__class__",
        "''.__class__.__mro__",
        "(1)|int(base=99)",
        "'9'|int(0, 1)",
        "loop",
        "'a'.split('')",
        "'a'.split(1)",
        "'a'.replace(1, 2)",
        "[1]|sort(attribute='a')",
        "[1, 'a']|sort",
        "[{}]|unique",
        "[1]|map('map')|list",
        "[1]|select('select')|list",
        "[1]|map(1)|list",
        "{[]: 1}",
        "{{}: 1}",
        "{1: 2}[[]]",
        "[nan]|sort"})
    outcome("{{ " + expression + " }}"); // whatever it says
  EXPECT_THAT(outcome("{{ " + std::string(1, '\0') + " }}"), HasSubstr("template:1: "));
}

TEST(HostileTemplate, MessagesNestTooDeeply) {
  Json variables;
  variables["x"] = Json::parse(repeated("[", 2000) + repeated("]", 2000));
  EXPECT_THAT(outcome("{{ x }}", variables), tooDeep);
}

TEST(HostileTemplate, LongMessagesAreNoCrime) {
  const std::string text(8 << 20, 'x');
  Json messages = Json::array();
  for (int i = 0; i < 20; ++i)
    messages.push_back({{"role", "user"}, {"content", text}});
  EXPECT_EQ(
      outcome("{% for m in messages %}{{ '<' ~ m.role ~ '>' ~ (m.content | trim).split('y')[-1]"
              " + '\n' }}{% endfor %}",
              {{"messages", messages}}),
      "text");
}

// Any cut, and any change of a byte, of a template is handled.
TEST(HostileTemplate, CutsAndChanges) {
  const std::string source =
      "{%- set ns = namespace(a=[1, 2.5, 'x\\n'], b={'k': none}) -%}\n"
      "{% macro f(x, y=3) %}{{ x ~ y }}{% endmacro %}\n"
      "{%- for k, v in ns.b.items() if k is string %}{{ loop.index }}{{ f(k, y=v) }}\n"
      "{%- else -%} none {%+ endfor %}{# note #}{% raw %}{{ }}{% endraw %}\n"
      "{% if ns.a[::-1]|length > 1 and not 'x' in ns.a %}a{% elif 1 %}b{% else %}c{% endif %}\n"
      "{% set z %}{{ ns.a|map('string')|join(', ') }}{% endset %}{{ z|upper|tojson(indent=2) }}"
      "{% call f(1) %}{% endcall %}{{ '%05d' % 7 }}{{ '{:>3}'.format(1) }}{{ 'a' if ns else 2 }}";
  const RenderOptions small = {.memoryBytes = 1 << 20, .steps = 20000};
  for (size_t i = 0; i <= source.size(); ++i)
    outcome(source.substr(0, i), Json::object(), small);
  for (size_t i = 0; i < source.size(); ++i)
    for (const char c : std::string("{}%#()[]|.,:~-+'\"\\ \n0x_\0\xff", 25)) {
      std::string changed = source;
      changed[i] = c;
      outcome(changed, Json::object(), small);
    }
}

} // namespace
} // namespace llmc::chat
