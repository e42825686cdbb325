// SPDX-License-Identifier: Apache-2.0
// A report before it has a format: what is said, in order. Whoever adds a section adds nodes; text, Markdown and HTML
// are renderers of the same tree (render.h). Texts are as they come: each renderer escapes them, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tcpdiag::report {

// How much a document tells: what decides, on one screen; what a ticket takes; everything that was seen.
enum class Extent : std::uint8_t { kScreen, kTicket, kPage };

enum class Style : std::uint8_t { kPlain, kMuted, kHeading, kWarning, kCritical };

// `brief` stands in for the text where a line has 80 columns; its lines are kept as they are. Empty: the text itself.
struct Words {
  Words() = default;
  Words(std::string words, std::string brief_words = {}) : text(std::move(words)), brief(std::move(brief_words)) {}
  Words(const char* words) : text(words) {}

  const std::string& narrow() const { return brief.empty() ? text : brief; }

  std::string text;
  std::string brief;
};

struct Paragraph {
  Words text{};
  Style style = Style::kPlain;
  std::string lead{};  // that text begins with, and is indented to
};

// Items of equal standing.
struct List {
  std::vector<std::string> items{};
  std::string marker = "- ";  // of text
  std::string more{};         // what was left out; empty: nothing
};

// What to do next.
struct Action {
  std::string text{};
  std::string whose{};
  std::string command{};  // to paste; may be empty
};

// A point in time within a text, as a machine reads it.
struct Moment {
  std::string shown{};
  std::string rfc3339{};
};

struct Link {
  std::string anchor{};
  std::string text{};
};

// One label with what is known of it: texts, rows of label and value, actions, a command, links; mostly one of these.
struct Fact {
  std::string label{};
  std::string lead{};  // that text begins with; what follows is indented to it. Empty: "label: "
  std::vector<Words> texts{};
  std::vector<std::string> anchors{};  // of the texts, for others to lead to
  std::vector<std::pair<std::string, std::string>> rows{};
  std::vector<Action> actions{};
  std::string command{};
  std::vector<Link> links{};
  std::vector<Moment> moments{};  // within the texts
};

struct Facts {
  std::vector<Fact> facts{};
  bool is_header = false;  // of the whole report: its first fact is the most important one
};

// Times are never broken; text has them on the left, as they are of one length.
enum class Align : std::uint8_t { kLeft, kRight, kTime };

struct Column {
  Words heading{};
  Align align = Align::kLeft;
  std::size_t width = 0;  // in text; 0: that of its heading, or, of the first column, what the others leave
  std::size_t gap = 0;    // blanks before it, in text
  std::string unit{};     // below the heading in text, beside it elsewhere
  bool is_bar = false;    // cells are shares, drawn as bars
  bool wraps = false;     // the last column: its text goes on below itself
};

struct Cell {
  Cell() = default;
  Cell(Words cell_words) : words(std::move(cell_words)) {}
  Cell(std::string text) : words(std::move(text)) {}
  Cell(const char* text) : words(text) {}
  Cell(std::string text, double its_share) : words(std::move(text)), share(its_share) {}

  Words words{};
  double share = 0;  // of the largest, where the column is a bar
};

struct Remark {
  std::string label{};  // may be empty
  Words text{};
};

struct Row {
  std::vector<Cell> cells{};  // fewer than there are columns: the last ones are blank
  Style style = Style::kPlain;
  std::string anchor{};  // that its first cell leads to; may be empty
  std::string group{};   // begins with this row; may be empty
  std::vector<Remark> remarks{};
};

struct Table {
  Words title{};
  std::vector<Column> columns{};
  std::vector<Row> rows{};
  std::vector<Words> notes{};  // below it
  Words more{};                // what was left out; empty: nothing
  std::string group_heading{};
  std::string remark_heading = "remarks";

  // Of text. The title stands above the columns that name a row, and the other headings beside it.
  std::size_t labels = 1;  // columns that name a row
  std::size_t indent = 2;  // of rows
  std::size_t remark_indent = 6;
  bool title_apart = false;  // on a line of its own
  bool has_headings = true;  // of the columns
  std::string above{};       // below the headings: what the title has no room for
};

// Values over time as bars of one line each, scaled to their largest.
struct Bars {
  struct Line {
    std::string label{};
    std::vector<std::optional<double>> values{};  // of equal lengths of time; empty: not measured
    bool is_mean = false;                         // of several in one column the mean, else the largest
  };
  std::vector<Line> lines{};
  std::string from{};
  std::string to{};
};

enum class Way : std::uint8_t { kHere, kOut, kIn };  // within this host, to the peer, from it

struct LadderRow {
  std::string time{};   // empty: a pause
  std::string since{};  // the row before; empty: the first
  Way way = Way::kHere;
  bool is_bad = false;
  std::string words{};
};

// What happened on one connection: this host on one side, the peer on the other, time going down.
struct Ladder {
  std::string title{};  // counts
  std::string here{};   // addresses
  std::string peer{};
  std::vector<LadderRow> rows{};
};

// A place for what the page's script draws of Document::data; other formats leave it out.
enum class Drawing : std::uint8_t { kSeries, kHistograms };

struct Node;

struct Section {
  enum class Kind : std::uint8_t { kChapter, kFinding, kFolded };
  Kind kind = Kind::kChapter;
  std::string id{};  // an anchor; may be empty
  Words heading{};   // of text the brief words only, if there are any
  Style style = Style::kHeading;
  std::string short_heading{};       // in the list of chapters
  std::vector<std::string> marks{};  // below the heading: severity, confidence, place
  std::string code{};                // of a finding
  std::vector<Node> nodes;
  bool is_open = false;  // where it may be folded
  bool is_kept = false;  // when a ticket has no room for everything
};

struct Node {
  using Content = std::variant<Paragraph, List, Facts, Table, Bars, Ladder, Drawing, Section>;
  Node(Content what, bool is_joined = false) : content(std::move(what)), joined(is_joined) {}
  template <typename T>
  requires std::is_constructible_v<Content, T> Node(T what, bool is_joined = false)
      : content(std::move(what)), joined(is_joined) {}

  Content content;
  bool joined;  // in text no blank line before it
};

struct Document {
  Paragraph banner{};    // what text begins with
  std::string kicker{};  // what a page begins with, above the title: "tcpdiag report: host web-2, ..."
  std::string title{};   // of a ticket or a page
  std::string data{};    // JSON that the page's drawings are made of; may be empty
  std::vector<Node> head{};
  std::vector<Node> body{};
};

}  // namespace tcpdiag::report
