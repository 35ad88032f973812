# The native core (native/): sockets by epoll, command splitting, key hashing and prefetching.
# On platforms other than Linux only the pure functions and the test splitter are built; the TypeScript transport serves there.
{
  'targets': [
    {
      'target_name': 'ashlar',
      'sources': [
        'native/addon.cc',
        'native/splitter_object.cc',
        'native/marshal.cc',
        'native/memory.cc',
        'native/command_names.cc',
        'native/memcached_table.cc',
        'native/batch.cc',
        'native/resp_splitter.cc',
        'native/memcached_splitter.cc',
        'native/big_frame.cc',
        'native/stream_splitter.cc',
      ],
      'defines': ['NAPI_VERSION=8'],
      'cflags': ['-O3', '-fno-plt', '-fvisibility=hidden', '-Wall', '-Wextra'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20', '-fno-exceptions'],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
        'GCC_OPTIMIZATION_LEVEL': '3',
        'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      },
      'msvs_settings': {
        'VCCLCompilerTool': {'AdditionalOptions': ['/std:c++20']},
      },
      'conditions': [
        ['OS=="linux"', {
          'sources': [
            'native/poller_object.cc',
            'native/listener_object.cc',
            'native/poller.cc',
            'native/poller_output.cc',
            'native/poller_connections.cc',
            'native/listener.cc',
          ],
        }],
      ],
    },
  ],
}
