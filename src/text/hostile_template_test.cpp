// Templates that try to run without end, to fill the memory or to overflow the stack.
#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/resource.h>

#include <functional>

#include "text/testdata/template_rendering.h"

namespace trivet {
namespace {

using testing::HasSubstr;

TEST(HostileTemplate, LoopsWithoutEndAreStopped) {
  quick_error("{% for i in range(10**9) %}{% endfor %}");
  quick_error("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}");
  quick_error("{% set x = namespace(n=0) %}" + repeat("{% for i in range(9999) %}", 9) +
              "{% set x.n = x.n + 1 %}" + repeat("{% endfor %}", 9));
}

TEST(HostileTemplate, TextsThatGrowWithoutEndAreStopped) {
  quick_error("{{ 'x' * 10**10 }}");
  quick_error("{% set x = 'x' * 10**10 %}");
  quick_error("{{ ['x'] * 10**10 }}");
  quick_error("{{ (('x' * 100000) * 100000)|length }}");
  quick_error(
      "{% set x = namespace(s='x') %}{% for i in range(60) %}"
      "{% set x.s = x.s ~ x.s %}{% endfor %}");
  quick_error(
      "{% set x = namespace(s='x') %}{% for i in range(60) %}"
      "{% set x.s = x.s + x.s %}{% endfor %}");
  quick_error(
      "{% set x = namespace(s=[1]) %}{% for i in range(60) %}"
      "{% set x.s = [x.s, x.s] %}{% endfor %}{{ x.s }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a.replace('a', a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a|replace('a', a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a|list|join(a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a.join(a) %}{{ b|length }}");
  quick_error("{% set a = 'a\n' * 100000 %}{{ (a|indent(100000))|length }}");
  quick_error("{{ ('x'|indent(10**10, true))|length }}");
  quick_error("{{ [[1]]|tojson(indent=10**10) }}");
  quick_error("{{ '%9999999999d'|format(1) }}");
  quick_error("{{ '{:>9999999999}'.format(1)|length }}");
  quick_error("{{ '{:.9999999999f}'.format(1.5)|length }}");
}

TEST(HostileTemplate, ListsAndMapsThatDoubleAreStopped) {
  for (const char* step :
       {"x.s + x.s", "x.s * 2", "x.s + x.s[:]", "(x.s + x.s)|list", "x.s + x.s|reverse|list"}) {
    quick_error("{% set x = namespace(s=[1]) %}{% for i in range(99) %}{% set x.s = " +
                std::string(step) + " %}{% endfor %}{{ x.s|length }}");
  }
  for (const char* step :
       {"(x.s, x.s)", "{'a': x.s, 'b': x.s}", "[x.s, x.s]|batch(2)|list", "dict(a=x.s, b=x.s)",
        "[[x.s, x.s]]|map('list')|list", "[{'k': x.s, 'v': x.s}]|groupby('k')|list"}) {
    quick_error("{% set x = namespace(s=[1]) %}{% for i in range(99) %}{% set x.s = " +
                std::string(step) + " %}{% endfor %}{{ x.s|length }}");
  }
}

// Two equal values whose parts are shared: 2^18 nodes each to visit, in a loop.
TEST(HostileTemplate, ComparisonsOfSharedValuesArePaidFor) {
  const std::string values =
      "{% set x = namespace(a=[1], b=[1]) %}{% for i in range(18) %}{% set x.a = [x.a, x.a] %}"
      "{% set x.b = [x.b, x.b] %}{% endfor %}{% set a = x.a %}{% set b = x.b %}";
  for (const char* comparison : {"a == b",
                                 "a != b",
                                 "a < b",
                                 "0 < 1 == (a == b)",
                                 "[[1]] == a == b",
                                 "a in [b]",
                                 "a is eq(b)",
                                 "a is in([b])",
                                 "[a, b]|unique|list|length",
                                 "[a, b]|sort|length",
                                 "[b].index(a)",
                                 "[b].count(a)",
                                 "[[b]]|selectattr(0, 'equalto', a)|list|length",
                                 "[a, b]|max|length",
                                 "(a, 1) == (b, 1)",
                                 "{'k': a} == {'k': b}",
                                 "loop.changed(a if i % 2 else b)",
                                 "{(1, a): 1}[(1, b)]",
                                 "{'k': 1}.get(a)",
                                 "{(a, 1): 2}|length",
                                 "a|string|length",
                                 "a|join('')|length",
                                 "a ~ ''",
                                 "a|tojson|length",
                                 "'%s' % a",
                                 "'x'.join(a)",
                                 "'x'|replace('x', a)"}) {
    quick_error(values + "{% for i in range(99999) %}{% set _ = " + comparison + " %}{% endfor %}");
  }
}

TEST(HostileTemplate, RepeatedSlicesArePaidFor) {
  for (const char* expression :
       {"s[1:]", "s[::-1]", "s[:-1]", "u[1:]", "l[1:]", "l[::2]", "s.upper()", "s|trim",
        "s.split('x')|length", "'y' in s", "s == t", "l + l", "s.find('y')", "l == m", "9 in l",
        "s.replace('x', 'y')"}) {
    quick_error(
        "{% set s = 'x' * 1000000 %}{% set t = 'x' * 1000000 %}{% set u = '\u00e4' * 500000 %}"
        "{% set l = [1] * 100000 %}{% set m = [1] * 100000 %}"
        "{% for i in range(99999) %}{% set _ = " +
        std::string(expression) + " %}{% endfor %}");
  }
}

TEST(HostileTemplate, OutputIsBounded) {
  EXPECT_THAT(
      quick_error("{% set x = 'x' * 1000000 %}{% for i in range(999) %}{{ x }}{% endfor %}"),
      HasSubstr("wrote more than 33554432 bytes"));
  const auto large = render_text("{{ 'x' * 10000000 }}", {kOneMessage});
  ASSERT_TRUE(large.ok()) << large.error().message();
  EXPECT_EQ(large->size(), 10'000'000u);
}

TEST(HostileTemplate, DeepRecursionIsStopped) {
  quick_error("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}");
  quick_error(
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}");
  quick_error("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
  quick_error("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}");
}

TEST(HostileTemplate, DeepNestingInTheSourceIsRefused) {
  const int depth = 2'000;
  quick_error("{{ " + repeat("(", depth) + "1" + repeat(")", depth) + " }}");
  quick_error("{{ " + repeat("[", depth) + repeat("]", depth) + " }}");
  quick_error("{{ " + repeat("{1:", depth) + "1" + repeat("}", depth) + " }}");
  quick_error(repeat("{% if 1 %}", 20'000) + repeat("{% endif %}", 20'000));
  quick_error("{{ x" + repeat("[x", depth) + repeat("]", depth) + " }}");
}

// Each link nests the expression one deeper.
TEST(HostileTemplate, LongChainsInTheSourceAreRefused) {
  for (const char* link : {"~x", "+x", " and x", " or x", "|list", ".x", "[0]", "()", " == x",
                           "|replace('a','b')", " is defined", " if x", " if x else x", "~'}}'"}) {
    EXPECT_THAT(quick_error("{{ x" + repeat(link, 50'000) + " }}"), HasSubstr("expression of"));
    (void)render_text("{{ x" + repeat(link, 500) + " }}", {kOneMessage});
  }
  for (const char* link : {"not ", "-"}) {
    EXPECT_THAT(quick_error("{{ " + repeat(link, 50'000) + "1 }}"), HasSubstr("expression of"));
  }
}

TEST(HostileTemplate, FormatsArePaidFor) {
  quick_error("{{ ('{0}' * 1000000).format('x' * 1000000)|length }}");
  quick_error("{{ ('%(a)s' * 1000000)|format(a='x' * 1000000)|length }}");
  quick_error("{{ ('%s' * 100) % ((['x' * 1000000],) * 100) }}");
  quick_error("{{ ['%(a)s' * 1000000]|map('format', a='x' * 1000000)|list|length }}");
}

// What takes one character of a text, or asks about it, has to read it all.
TEST(HostileTemplate, ReadingTextsIsPaidFor) {
  for (const char* statement :
       {"{% for c in s %}{% break %}{% endfor %}", "{% if s is lower %}{% endif %}", "{{ s[-2] }}",
        "{{ s[9999999] }}", "{% if s.isalpha() %}{% endif %}", "{% if {s: 1}[s] %}{% endif %}",
        "{% if s is sameas(t) %}{% endif %}", "{{ s|first }}", "{{ s.split('x')|length }}",
        "{{ s.count('x') }}", "{% set a = s|list %}"}) {
    quick_error("{% set s = '\u00e4' * 10000000 %}{% set t = s ~ '' %}{% for i in range(99999) %}" +
                std::string(statement) + "{% endfor %}");
  }
  quick_error(
      "{% set s = '\u00e4' * 10000000 %}{% for i in range(99999) recursive %}{% if loop.depth == 1 "
      "%}"
      "{% set f = loop %}{{ f(s) }}{% else %}{% break %}{% endif %}{% endfor %}");
}

// Runs it on a thread with a stack of 1 MiB: an eighth of what threads have by default.
void on_small_stack(const std::function<void()>& run) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_t thread{};
  void* (*const start)(void*) = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, start,
                           const_cast<void*>(static_cast<const void*>(&run))),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(HostileTemplate, TheLongestAllowedChainsAreHarmlessOnASmallStack) {
  on_small_stack([] {
    const int bytes = 16'300;
    for (const std::string link : {"~x", "+x", ".x", "()", "[0]", "|e", " or x", "<x"}) {
      (void)render_text("{{ x" + repeat(link, bytes / static_cast<int>(link.size())) + " }}",
                        {kOneMessage});
    }
    (void)render_text("{{ " + repeat("-", bytes) + "1 }}", {kOneMessage});
  });
}

TEST(HostileTemplate, TheDeepestAllowedValuesAreHarmlessOnASmallStack) {
  on_small_stack([] {
    for (const char* use : {"x.s", "x.s|tojson", "x.s ~ ''", "x.s|upper", "x.s == y.s", "x.s < y.s",
                            "[x.s, y.s]|sort", "{(1, x.s): 1}[(1, y.s)]"}) {
      EXPECT_TRUE(
          render_text(
              "{% set x = namespace(s=()) %}{% set y = namespace(s=()) %}{% for i in range(190) %}"
              "{% set x.s = (x.s,) %}{% set y.s = (y.s,) %}{% endfor %}{{ " +
                  std::string(use) + " }}",
              {kOneMessage})
              .ok())
          << use;
    }
  });
}

TEST(HostileTemplate, DeeplyNestedValuesAreStopped) {
  const auto nest = [](const std::string& step, const char* use) {
    quick_error(
        "{% set x = namespace(s=[1]) %}{% for i in range(300) %}{% for j in range(300) %}"
        "{% set x.s = " +
        step + " %}{% endfor %}{% endfor %}" + use);
  };
  for (const char* step :
       {"(x.s,)", "{'a': x.s}", "dict(a=x.s)", "[x.s]|batch(1)|list", "x.s|batch(1)|list",
        "[x.s]|slice(1)|list", "{'a': x.s}.items()", "{'a': x.s}|items", "{'a': x.s}|dictsort",
        "[[x.s]]|map('first')|map('list')|list + [x.s]"}) {
    nest(step, "{{ x.s }}");
  }
  for (const char* use :
       {"{{ x.s }}", "{{ x.s|tojson }}", "{{ x.s ~ '' }}", "{{ x.s|string }}", "{{ x.s|upper }}",
        "{{ x.s == [x.s] }}", "{{ raise_exception(x.s) }}", ""}) {
    nest("[x.s]", use);
  }
  const std::string nested = repeat("[", 100'000) + repeat("]", 100'000);
  quick_error("{{ messages }}", {.messages_json = nested});
  quick_error("{{ x }}", {.messages_json = kOneMessage, .extra_json = "{\"x\": " + nested + "}"});
}

// Each step works on the lazy result of the one before.
TEST(HostileTemplate, ChainsOfLazyResultsAreHarmless) {
  for (const char* step :
       {"x.s|reverse", "x.s[:]", "x.s * 1", "x.s + []", "x.s|map('int')", "x.s|select",
        "x.s|list|reverse", "x.s|selectattr('real')", "x.s|unique", "x.s|sort"}) {
    (void)render_text(
        "{% set x = namespace(s=[1, 2]) %}{% for i in range(300) %}{% for j in range(300) %}{% set "
        "x.s = " +
            std::string(step) + " %}{% endfor %}{% endfor %}{{ x.s }}",
        {kOneMessage});
  }
}

TEST(HostileTemplate, NamespacesCannotHoldThemselves) {
  for (const char* value :
       {"x", "[x]", "{'a': x}", "dict(a=x)", "(1, [x])", "[[x]]|first", "namespace(a=x)"}) {
    EXPECT_THAT(
        quick_error("{% set x = namespace() %}{% set x.s = " + std::string(value) + " %}{{ x }}"),
        HasSubstr("a namespace cannot be a part of another value"));
  }
  EXPECT_THAT(
      quick_error(
          "{% set x = namespace(s=1) %}{% for i in [x.s] %}{% set x.s = loop %}{% endfor %}"),
      HasSubstr("the loop variable cannot be a part"));
  EXPECT_EQ(*render_text(
                "{% set x = namespace(a=1) %}{% macro f(n) %}{% set n.a = n.a + 1 %}{% endmacro %}"
                "{{ f(x) }}{{ x.a }}{{ x == x }}{{ x == namespace(a=2) }}",
                {kOneMessage}),
            "2TrueFalse");
}

long peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST(HostileTemplate, MemoryStaysBounded) {
  const long before = peak_megabytes();
  for (const char* step : {"x.s + [x.s|string]", "x.s + ['x' * 1000]", "x.s + [[1, 2, 3]]",
                           "x.s + [{'a': 1}]", "x.s + x.s", "x.s + [x.s|length]"}) {
    (void)render_text(
        "{% set x = namespace(s=[1]) %}{% for i in range(9999) %}{% for j in range(9999) %}{% set "
        "x.s = " +
            std::string(step) + " %}{% endfor %}{% endfor %}",
        {kOneMessage});
  }
  for (const char* expression :
       {"('x ' * 15000000).split()", "('\\n' * 30000000).splitlines()", "('x' * 30000000)|list",
        "('\\n' * 30000000)|indent(9, true, true)", "([1] * 4000000)|batch(1)|list"}) {
    (void)render_text("{{ " + std::string(expression) + "|length }}", {kOneMessage});
  }
  (void)render_text(
      "{% for i in range(99999) %}{% set x %}{{ 'x' * 100000 }}{% endset %}{% endfor %}",
      {kOneMessage});
  EXPECT_LT(peak_megabytes() - before, 400);
}

}  // namespace
}  // namespace trivet
