// SPDX-License-Identifier: Apache-2.0
// Text and JSON of machines that are fine, poor, not permitted, and hostile, as files of tests/golden/doctor.
#include "report/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fake_machines.h"
#include "report/doctor.h"
#include "unit/report/golden.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using namespace doctor::testing;  // NOLINT(google-build-using-namespace): the machines
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

doctor::Kernel not_loaded(const doctor::KernelTypes& types) {
  doctor::Kernel kernel = kernel_that_loads(types);
  kernel.load = doctor::LoadTest::kNotTried;
  kernel.programs = 0;
  return kernel;
}

doctor::Examination hostile() {
  const std::string nasty = "\x1b[2J\x1b]0;owned\x07\xff\xe2\x80\xae" + std::string(60, 'x') + "\n\"</script>";
  model::Machine machine = good_machine();
  machine.host.hostname = machine.host.kernel = machine.host.arch = nasty;
  machine.host.instance_type = nasty;
  machine.cgroups->v2 = nasty;
  model::NicSample& nic = machine.nics->front();
  nic.device = nic.driver = nic.driver_version = nasty;
  doctor::KernelTypes types = types_of_6_18();
  types.tracepoints["tcp_probe"] = nasty;
  return doctor::examine(not_loaded(types), machine);
}

std::vector<std::pair<std::string, doctor::Examination>> examinations() {
  doctor::Kernel no_btf;
  no_btf.no_types = doctor::no_types(true, ENOENT);
  doctor::KernelTypes strange = types_of_6_18();
  strange.tracepoints["tcp_send_reset"] = "sk_buff *, sock *, enum sk_rst_reason";
  strange.tracepoints["inet_sk_error_report"] = "sock *, int";
  doctor::Kernel refused = kernel_that_loads(types_of_6_18());
  refused.features.refuse("tcpd_probe", "Permission denied");
  refused.features.refuse("tcpd_error_report", "Permission denied");
  refused.load = doctor::LoadTest::kRefused;
  refused.refused = {{"tcpd_probe", "Permission denied"}, {"tcpd_error_report", "Permission denied"}};
  refused.load_error = refused.features.check().error();
  doctor::Kernel none;
  none.built_in = false;

  std::vector<std::pair<std::string, doctor::Examination>> all;
  all.emplace_back("everything", doctor::examine(kernel_that_loads(types_of_6_18()), good_machine()));
  all.emplace_back("old_kernel", doctor::examine(kernel_that_loads(types_of_5_10()), good_machine()));
  all.emplace_back("no_privileges", doctor::examine(not_loaded(types_of_6_12()), machine_of_a_user()));
  all.emplace_back("container", doctor::examine(not_loaded(types_of_6_12()), container()));
  all.emplace_back("no_types", doctor::examine(no_btf, good_machine()));
  all.emplace_back("strange_kernel", doctor::examine(not_loaded(strange), good_machine()));
  all.emplace_back("refused", doctor::examine(refused, good_machine()));
  all.emplace_back("nothing_known", doctor::examine(none, model::Machine{}));
  all.emplace_back("hostile", hostile());
  return all;
}

TEST(DoctorRender, golden_files) {
  for (const auto& [name, examination] : examinations()) {
    const DoctorHeader header{.tool_version = "0.0.0", .tool_git = "", .command = {"tcpdiag", "doctor"}};
    tcpdiag::testing::expect_golden("doctor/" + name + ".txt",
                                    render_text(doctor_document(examination, header, Extent::kScreen), false));
    tcpdiag::testing::expect_golden("doctor/" + name + ".md",
                                    render_markdown(doctor_document(examination, header, Extent::kTicket)));
    tcpdiag::testing::expect_golden("doctor/" + name + ".json", render_doctor_json(examination, header));
  }
}

TEST(DoctorRender, lines_fit_and_nothing_reaches_the_terminal) {
  for (const auto& [name, examination] : examinations()) {
    const std::string all = render_text(doctor_document(examination, {}, Extent::kScreen), false);
    EXPECT_THAT(all, Not(HasSubstr("\x1b"))) << name;
    std::istringstream text(all);
    for (std::string line; std::getline(text, line);) EXPECT_LE(columns(line), 80U) << name << ": " << line;
  }
}

TEST(DoctorRender, a_page_begins_with_the_verdict) {
  const std::string page =
      render_html(doctor_document(doctor::examine(not_loaded(types_of_6_12()), container()), {}, Extent::kTicket));
  EXPECT_THAT(page, HasSubstr("<p class=\"summary critical\">cannot trace: not permitted"));
  EXPECT_THAT(page, HasSubstr("lost: nothing can be traced; hint: sudo cannot give them here"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
}

TEST(DoctorRender, the_verdict_is_last) {
  const doctor::Examination good = doctor::examine(kernel_that_loads(types_of_6_18()), good_machine());
  EXPECT_THAT(render_text(doctor_document(good, {}, Extent::kScreen), false), EndsWith("\n\ncan trace: everything\n"));
}

TEST(DoctorRender, colours_only_where_they_are_wanted) {
  const doctor::Examination poor = doctor::examine(not_loaded(types_of_6_12()), container());
  EXPECT_THAT(render_text(doctor_document(poor, {}, Extent::kScreen), true), HasSubstr("\x1b[1;31mcannot trace"));
  EXPECT_THAT(render_text(doctor_document(poor, {}, Extent::kScreen), false), Not(HasSubstr("\x1b")));
}

TEST(DoctorRender, who_is_not_root_is_told_of_sudo) {
  const char* kSudo = "'sudo tcpdiag doctor' tells more";
  const auto text_of = [](const model::Machine& machine) {
    return render_text(doctor_document(doctor::examine(not_loaded(types_of_6_12()), machine), {}, Extent::kScreen),
                       false);
  };
  EXPECT_THAT(text_of(machine_of_a_user()), HasSubstr(kSudo));
  EXPECT_THAT(text_of(container()), Not(HasSubstr(kSudo)));
}

}  // namespace
}  // namespace tcpdiag::report
