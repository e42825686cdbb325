# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# A web application, for Puma: what it does before it calls its API takes `gap_ms`. ENV['API'] is the API's base.
#
#   GET /call?gap_ms=1500&think_ms=5       waits, asks the API for something that takes it think_ms, by Net::HTTP or
#                                          (via=faraday) by Faraday, and answers with what it measured itself
#
# The answer is one JSON object: gap_s is from the moment that the application had the request to its call, readers are the
# threads of Puma that read the request (one number for each piece), worker is the thread that calls.

ENV.delete_if { |name, _| name.match?(/\A(no|http|https|all)_proxy\z/i) }

require 'faraday'
require 'json'
require 'net/http'
require 'rack'

Faraday.ignore_env_proxy = true
API = ENV.fetch('API')

# Puma reads a request in the thread that will work on it, or in its reactor's. This notes which, and changes nothing.
module NoteReaders
  def try_to_finish
    (@env['app.readers'] ||= []) << Thread.current.native_thread_id
    super
  end
end
Puma::Client.prepend(NoteReaders)

def monotonic
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

run(lambda do |env|
  started = monotonic
  query = Rack::Utils.parse_query(env['QUERY_STRING'])
  sleep(query['gap_ms'].to_f / 1000)
  called = monotonic
  url = URI("#{API}/ok?think_ms=#{query.fetch('think_ms', 5)}")
  query['via'] == 'faraday' ? Faraday.get(url) : Net::HTTP.get(url)
  answer = { gap_s: called - started, readers: env['app.readers'], worker: Thread.current.native_thread_id }
  [200, { 'Content-Type' => 'application/json' }, [JSON.generate(answer)]]
end)
