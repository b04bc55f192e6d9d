#include "runtime/text/Markup.h"
#include <gtest/gtest.h>

namespace llmc {
namespace {

TEST(Markup, EscapesWhatMeansSomething) {
  EXPECT_EQ(escapedMarkup("</pre><script>a & \"b\" 'c'"),
            "&lt;/pre&gt;&lt;script&gt;a &amp; &quot;b&quot; &#39;c&#39;");
  EXPECT_EQ(escapedMarkup("&amp;"), "&amp;amp;");
}

TEST(Markup, LeavesControlCharactersOut) {
  EXPECT_EQ(escapedMarkup(absl::string_view("a\0b\x1b\x7f\tc\n\xC3\xA9", 10)), "ab\tc\n\xC3\xA9");
}

} // namespace
} // namespace llmc
