// SPDX-License-Identifier: Apache-2.0
// Escaping of text that somebody else chose: names of processes, cgroups, namespaces and hosts, command lines. A
// process may call itself anything, also a terminal's escape sequence. There is one function a format, and no other
// place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tcpdiag {

// For a terminal or a plain text file: what could move the cursor, change colours or reorder the line becomes visible.
//   control characters (C0, DEL, C1), invalid UTF-8    "\x1b", one for each byte
//   bidirectional controls, line separators, invisibles    "\u202e"
// Everything else, also a backslash, stays as it is: systemd's cgroup names are full of "\x2d". Idempotent.
std::string escape_terminal(std::string_view text);

// For HTML, in an element's text and in a quoted attribute alike: as for a terminal, and & < > " ' as references.
std::string escape_html(std::string_view text);

// For GitHub-flavoured Markdown, in a paragraph, list item, heading or table cell: as for a terminal, and nothing of it
// is markup. What a ticket system makes links or pictures of after rendering, where a backslash does not help (mention,
// reference to an issue, formula, address, ":smile:"), becomes code. One line in gives one line; not idempotent.
std::string escape_markdown(std::string_view text);

// For JSON: each invalid byte becomes U+FFFD, so that a JSON library cannot fail on it. Quoting is the library's job.
std::string valid_utf8(std::string_view text);

// Columns that text of escape_terminal() takes at most: East Asian wide characters and emoji count 2, all else 1.
std::size_t columns(std::string_view text);

// Length in bytes of the UTF-8 character that `text` begins with; 0: it begins with none (RFC 3629), or it is empty.
std::size_t utf8_length(std::string_view text, char32_t* character = nullptr);

}  // namespace tcpdiag
