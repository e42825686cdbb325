// SPDX-License-Identifier: Apache-2.0
#include "model/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "util/escape.h"

namespace tcpdiag::model {
namespace {

using Words = std::vector<std::string_view>;

constexpr int kMaxDepth = 32;  // of parentheses and nots: the parser is recursive

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// Parentheses and "!" need no space around them.
Words words_of(std::string_view text) {
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    constexpr std::string_view kAlone = "()!";
    std::size_t end = at + 1;
    if (kAlone.find(text[at]) == std::string_view::npos) {
      while (end < text.size() && !is_space(text[end]) && kAlone.find(text[end]) == std::string_view::npos) ++end;
    }
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

class Parser {
 public:
  explicit Parser(Words words) : words_(std::move(words)) {}

  Result<std::vector<ExpressionStep>> parse() {
    if (words_.empty()) return wrong("the filter expression is empty");
    if (auto done = any_of(0); !done) return tl::unexpected(done.error());
    if (at_ < words_.size()) {
      return wrong(word() == ")" ? "the filter expression has a ')' too many"
                                 : fmt::format("'and' or 'or' is missing before '{}'", shown()));
    }
    if (steps_.size() > Expression::kMaxSteps) {
      return wrong(fmt::format("the filter expression has {} terms and operators, at most {} fit", steps_.size(),
                               Expression::kMaxSteps));
    }
    return std::move(steps_);
  }

 private:
  // The word before a value: which side, and what the value is.
  struct Kind {
    ExpressionSide side = ExpressionSide::kEither;
    std::string_view primitive;
  };

  std::string_view word() const { return at_ < words_.size() ? words_[at_] : std::string_view(); }
  std::string shown() const { return escape_terminal(word()); }
  bool take(std::string_view a, std::string_view b) {
    if (at_ >= words_.size() || (word() != a && word() != b)) return false;
    ++at_;
    return true;
  }
  void push(ExpressionOp op) { steps_.push_back({.op = op}); }

  static tl::unexpected<Error> wrong(std::string what) {
    return fail(ExitCode::kUsage, std::move(what),
                "words are [src|dst] host ADDR, net ADDR/LEN, port N, portrange N-M, and, or, not, ( )");
  }

  Result<> any_of(int depth) {
    if (auto first = all_of(depth); !first) return first;
    while (take("or", "||")) {
      if (auto next = all_of(depth); !next) return next;
      push(ExpressionOp::kOr);
    }
    return {};
  }

  Result<> all_of(int depth) {
    if (auto first = term(depth); !first) return first;
    while (take("and", "&&")) {
      if (auto next = term(depth); !next) return next;
      push(ExpressionOp::kAnd);
    }
    return {};
  }

  Result<> term(int depth) {
    if (depth > kMaxDepth) return wrong(fmt::format("the filter expression is nested more than {} deep", kMaxDepth));
    if (take("not", "!")) {
      if (auto inner = term(depth + 1); !inner) return inner;
      push(ExpressionOp::kNot);
      return {};
    }
    if (!take("(", "(")) return primitive();
    if (auto inner = any_of(depth + 1); !inner) return inner;
    if (!take(")", ")")) return wrong("the filter expression lacks a ')'");
    return {};
  }

  Result<> primitive() {
    Kind kind = newest_;
    bool has_word = false;
    if (take("src", "src")) {
      kind = {.side = ExpressionSide::kLocal, .primitive = {}};
      has_word = true;
    } else if (take("dst", "dst")) {
      kind = {.side = ExpressionSide::kRemote, .primitive = {}};
      has_word = true;
    }
    constexpr std::array<std::string_view, 4> kPrimitives{"host", "net", "port", "portrange"};
    if (std::ranges::find(kPrimitives, word()) != kPrimitives.end()) {
      if (!has_word) kind.side = ExpressionSide::kEither;
      kind.primitive = word();
      ++at_;
    } else if (has_word) {
      kind.primitive = "host";  // "src 10.0.0.1", as in pcap-filter(7)
    }
    if (at_ >= words_.size()) return wrong("the filter expression ends where a value is wanted");
    if (kind.primitive.empty()) return wrong(fmt::format("invalid word '{}' in the filter expression", shown()));
    newest_ = kind;
    return value(kind);
  }

  Result<> value(const Kind& kind) {
    ExpressionStep step{.op = ExpressionOp::kNet, .side = kind.side};
    if (kind.primitive == "host" || kind.primitive == "net") {
      const std::optional<Cidr> net = Cidr::parse(word());
      const bool is_block = word().find('/') != std::string_view::npos;
      if (!net || is_block != (kind.primitive == "net")) {
        return wrong(kind.primitive == "net" ? fmt::format("invalid address block '{}' (such as 10.0.0.0/8)", shown())
                                             : fmt::format("invalid address '{}' (names are not looked up)", shown()));
      }
      step.net = *net;
    } else {
      step.op = ExpressionOp::kPort;
      const std::string_view text = word();
      const std::size_t dash = kind.primitive == "portrange" ? text.find('-') : std::string_view::npos;
      const auto low = port(text.substr(0, dash));
      const auto high = dash == std::string_view::npos ? low : port(text.substr(dash + 1));
      const bool is_range = dash != std::string_view::npos;
      if (!low || !high || *low > *high || is_range != (kind.primitive == "portrange")) {
        return wrong(kind.primitive == "port" ? fmt::format("invalid port '{}' (1 to 65535)", shown())
                                              : fmt::format("invalid port range '{}' (such as 8000-8099)", shown()));
      }
      step.port_low = *low;
      step.port_high = *high;
    }
    ++at_;
    steps_.push_back(step);
    return {};
  }

  static std::optional<std::uint16_t> port(std::string_view text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
    return number;
  }

  Words words_;
  std::size_t at_ = 0;
  Kind newest_;
  std::vector<ExpressionStep> steps_;
};

bool holds(const ExpressionStep& step, const SocketAddress& side) {
  return step.op == ExpressionOp::kNet ? step.net.contains(side.address)
                                       : side.port >= step.port_low && side.port <= step.port_high;
}

// --- steps as text ---

enum class Binding : std::uint8_t { kOr, kAnd, kTerm };

struct Part {
  std::string text;
  Binding binding = Binding::kTerm;

  std::string inside(Binding outer) const { return binding < outer ? "(" + text + ")" : text; }
};

std::string primitive_text(const ExpressionStep& step) {
  std::string text;
  if (step.side != ExpressionSide::kEither) text = step.side == ExpressionSide::kLocal ? "src " : "dst ";
  if (step.op == ExpressionOp::kNet) {
    const std::string net = step.net.to_string();
    return text + (net.find('/') == std::string::npos ? "host " : "net ") + net;
  }
  if (step.port_low == step.port_high) return text + fmt::format("port {}", step.port_low);
  return text + fmt::format("portrange {}-{}", step.port_low, step.port_high);
}

std::string text_of(const std::vector<ExpressionStep>& steps) {
  std::vector<Part> stack;
  for (const ExpressionStep& step : steps) {
    if (step.op == ExpressionOp::kNet || step.op == ExpressionOp::kPort) {
      stack.push_back({primitive_text(step)});
      continue;
    }
    const std::size_t operands = step.op == ExpressionOp::kNot ? 1 : 2;
    if (stack.size() < operands) return {};
    Part last = std::move(stack.back());
    stack.pop_back();
    if (step.op == ExpressionOp::kNot) {
      stack.push_back({"not " + last.inside(Binding::kTerm)});
      continue;
    }
    const Binding binding = step.op == ExpressionOp::kAnd ? Binding::kAnd : Binding::kOr;
    const char* const word = binding == Binding::kAnd ? " and " : " or ";
    stack.back() = {stack.back().inside(binding) + word + last.inside(binding), binding};
  }
  return stack.size() == 1 ? stack.front().text : std::string();
}

}  // namespace

bool Expression::needs_local_port() const {
  return std::ranges::any_of(steps, [](const ExpressionStep& step) {
    return step.op == ExpressionOp::kPort && step.side != ExpressionSide::kRemote;
  });
}

bool Expression::matches(const SocketAddress& local, const SocketAddress& remote) const {
  std::vector<bool> stack;
  const auto pop = [&stack] {
    const bool top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const ExpressionStep& step : steps) {
    switch (step.op) {
      case ExpressionOp::kNet:
      case ExpressionOp::kPort:
        stack.push_back((step.side != ExpressionSide::kRemote && holds(step, local)) ||
                        (step.side != ExpressionSide::kLocal && holds(step, remote)));
        break;
      case ExpressionOp::kNot:
        stack.push_back(!pop());
        break;
      case ExpressionOp::kAnd: {
        const bool right = pop();
        stack.push_back(pop() && right);
        break;
      }
      case ExpressionOp::kOr: {
        const bool right = pop();
        stack.push_back(pop() || right);
        break;
      }
    }
  }
  return stack.empty() || stack.back();
}

Expression Expression::with_nets(const std::function<Cidr(const Cidr&)>& replacement) const {
  Expression replaced{.text = {}, .steps = steps};
  for (ExpressionStep& step : replaced.steps) {
    if (step.op == ExpressionOp::kNet) step.net = replacement(step.net);
  }
  replaced.text = text_of(replaced.steps);
  return replaced;
}

Result<Expression> parse_expression(std::string_view text) {
  const Words words = words_of(text);
  auto steps = Parser(words).parse();
  if (!steps) return tl::unexpected(steps.error());
  return Expression{.text = fmt::format("{}", fmt::join(words, " ")), .steps = std::move(*steps)};
}

}  // namespace tcpdiag::model
