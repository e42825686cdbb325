// SPDX-License-Identifier: Apache-2.0
// The kernel's table of endpoints: what it has summed up of each, and whose a slot is.
//
// The table has room for some endpoints. Where more than three quarters are taken, those without an open socket and at
// which nothing has moved for a while give their slots back: the endpoint leaves the table, its sums are emitted for
// the last time, and the slot begins its next generation empty. Sockets that still name the old generation count
// nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "model/sample.h"
#include "util/result.h"
#include "wire.h"

namespace tcpdiag::bpf {

class EndpointTable {
 public:
  struct Maps {  // descriptors, which somebody else closes
    int endpoints = -1;
    int free_slots = -1;
    int stats = -1;
    int shared = -1;
  };
  EndpointTable(const Maps& maps, std::uint32_t slots, int cpus);

  // Before the programs run: all slots are free. Fails with errno.
  int fill() const;
  // The sums of all endpoints. Meant to be called once a second, as idleness is counted in calls.
  std::vector<model::EndpointSample> sample(model::MonoTime at);

 private:
  struct Tenant {  // of a slot
    std::uint32_t slot_generation = 0;
    std::uint32_t generation = 0;  // EndpointSample::generation
    std::uint64_t moved = 0;       // rises with whatever happens
    int idle = 0;                  // samples
  };

  bool read(std::uint32_t index, tcpd_endpoint_shared& shared);
  Tenant& tenant_of(const tcpd_slot& slot);
  bool is_idle(const Tenant& tenant, const model::EndpointSample& sample, const tcpd_endpoint_shared& shared) const;
  void give_back(const tcpd_slot& slot);

  Maps maps_;
  std::uint32_t slots_;
  std::vector<tcpd_endpoint_stats> each_;  // CPU's, of the endpoint that was read last
  std::map<std::uint32_t, Tenant> tenants_;
  std::uint32_t given_back_ = 0;  // slots so far: an endpoint that comes again gets a higher number each time
};

}  // namespace tcpdiag::bpf
