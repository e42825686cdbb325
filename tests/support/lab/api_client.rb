# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# The client of the lab: what a Rails application does, Faraday on Net::HTTP, in several threads.
#
# It takes one line of JSON per command on standard input and prints one line of JSON per result:
#
#   {"run":"before","lanes":[{"name":"w1","keep":true,"base":"http://10.87.0.1:8080","open_timeout":3,
#     "read_timeout":30,"calls":[{"call":"before-1","path":"/ok","body_bytes":400,"delay_s":0}]}],
#    "background":[ lanes whose first call is repeated every `delay_s` until the others have ended ]}
#
# A lane is a thread with a Faraday connection of its own. With "keep" it holds one TCP connection for all its calls,
# also from one command to the next (as a pool does); without it Faraday opens a connection per call.
# A POST is never repeated by Net::HTTP, so one failed call is one failed connection.

# The lab has no proxy, whatever the caller's environment says.
ENV.delete_if { |name, _| name.match?(/\A(no|http|https|all)_proxy\z/i) }

require 'faraday'
require 'json'
require 'net/http'
require 'timeout'

def monotonic
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

# Net::HTTP puts a Timeout block around the connect, and its message is the well-known "execution expired". Of Ruby's
# releases only 3.1 (Debian 12's) hands the limit to Socket.tcp instead, and says "user specified timeout". This brings back what
# the others do, and notes the local port and the number of connections made.
module LabConnect
  def connect
    limit = @open_timeout
    @open_timeout = nil
    started = monotonic
    begin
      Timeout.timeout(limit, Net::OpenTimeout) { super }
    rescue Net::OpenTimeout => e
      raise e if e.message.include?('Failed to open')

      raise e, "Failed to open TCP connection to #{address}:#{port} (#{e.message})"
    ensure
      @open_timeout = limit
      Thread.current[:lab_connect_s] = (monotonic - started).round(6)
    end
    Thread.current[:lab_connects] = Thread.current[:lab_connects].to_i + 1
    Thread.current[:lab_port] = @socket.io.local_address.ip_port
  end
end
Net::HTTP.prepend(LabConnect)
Faraday.ignore_env_proxy = true

# Faraday's own adapter opens a connection per request. This one keeps it, as net_http_persistent does.
class LabKeepAlive < Faraday::Adapter::NetHttp
  def build_connection(env)
    @http ||= super.tap { |http| http.keep_alive_timeout = 86_400 }
    configure_request(@http, env[:request])
    @http
  end

  private

  def request_via_request_method(http, env)
    http.start unless http.started?
    http.request(create_request(env))
  rescue StandardError
    @http = nil
    begin
      http.finish if http.started?
    rescue IOError
      nil
    end
    raise
  end
end
Faraday::Adapter.register_middleware(lab_keep_alive: LabKeepAlive)

OUTPUT = Mutex.new
def say(event, **more)
  OUTPUT.synchronize do
    $stdout.write("#{JSON.generate({ event: event, at_s: monotonic.round(6) }.merge(more))}\n")
    $stdout.flush
  end
end

CONNECTIONS = {} # lane name => Faraday connection
PORTS = {} # lane name => local port of the connection that it keeps
ENDED = {} # lane name => when its last call ended

def connection_of(lane)
  CONNECTIONS[lane['name']] ||= Faraday.new(url: lane['base']) do |faraday|
    faraday.options.open_timeout = lane['open_timeout']
    faraday.options.read_timeout = lane['read_timeout']
    faraday.adapter lane['keep'] ? :lab_keep_alive : :net_http
  end
end

def one_call(run, lane, call)
  connects = Thread.current[:lab_connects].to_i
  Thread.current[:lab_port] = lane['keep'] ? PORTS[lane['name']] : nil
  body = JSON.generate('order' => 'x' * call.fetch('body_bytes', 400))
  started = monotonic
  failure = nil
  begin
    response = connection_of(lane).post(call['path'], body,
                                        'Content-Type' => 'application/json', 'X-Lab-Call' => call['call'])
    failure = ["HTTP #{response.status}", ''] unless response.status == 200
  rescue Faraday::Error => e
    failure = [e.class.name, e.message]
    cause = e.wrapped_exception
  end
  ended = monotonic
  say('call', run: run, lane: lane['name'], call: call['call'], ok: failure.nil?,
              started_s: started.round(6), ended_s: ended.round(6),
              connect_s: Thread.current[:lab_connect_s], local_port: Thread.current[:lab_port],
              connects: Thread.current[:lab_connects].to_i - connects,
              error_class: failure && failure[0], error_message: failure && failure[1],
              cause_class: cause&.class&.name)
  PORTS[lane['name']] = failure ? nil : Thread.current[:lab_port]
  ENDED[lane['name']] = ended
end

# Until the call is due: `delay_s` after now, or `idle_s` after the lane's last call ended.
def wait_for_turn(lane, call)
  sleep(call['delay_s']) if call['delay_s'].to_f.positive?
  return unless call['idle_s']

  left = ENDED[lane['name']] + call['idle_s'] - monotonic
  sleep(left) if left.positive?
end

def run(command)
  name = command['run']
  over = Queue.new # closed when the lanes have ended: wakes the background at once
  # One connection object for each lane is made here: threads only read the table.
  (command['lanes'] + command.fetch('background', [])).each { |lane| connection_of(lane) }
  background = command.fetch('background', []).map do |lane|
    Thread.new do
      number = 0
      until over.closed?
        number += 1
        call = lane['calls'][0]
        one_call(name, lane, call.merge('call' => "#{call['call']}-#{number}"))
        begin
          Timeout.timeout(call['delay_s']) { over.pop }
        rescue Timeout::Error
          nil
        end
      end
    end
  end
  lanes = command['lanes'].map do |lane|
    Thread.new do
      lane['calls'].each do |call|
        wait_for_turn(lane, call)
        one_call(name, lane, call)
      end
    end
  end
  lanes.each(&:join)
  over.close
  background.each(&:join)
  say('ran', run: name)
end

Thread.report_on_exception = true
Thread.abort_on_exception = true
say('up', ruby: RUBY_VERSION, faraday: Faraday::VERSION)
$stdin.each_line do |line|
  run(JSON.parse(line))
end
