"""Names of the C library that ctypes is not given, as they go below what Python can see."""

from typing import Final

_NETWORK: Final = (
    "connect bind listen accept accept4 send sendto sendmsg sendmmsg sendfile sendfile64 splice"
    " getaddrinfo getnameinfo gethostbyname gethostbyname2 gethostbyname_r gethostbyaddr"
    " gethostbyaddr_r sethostname"
)
_WRITING: Final = (
    "open open64 openat openat64 creat creat64 fopen fopen64 freopen freopen64 write writev pwrite"
    " pwrite64 pwritev pwritev2 fwrite fputs fputc putc fprintf dprintf copy_file_range truncate"
    " truncate64 ftruncate ftruncate64"
)
_FOLDERS: Final = (
    "unlink unlinkat remove rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink"
    " symlinkat mkfifo mkfifoat mknod mknodat chmod fchmod fchmodat chown fchown lchown fchownat"
    " utime utimes utimensat futimens setxattr lsetxattr fsetxattr removexattr mount umount umount2"
)
_PROCESSES: Final = (
    "fork vfork clone daemon posix_spawn posix_spawnp system popen execl execle execlp execv execve"
    " execvp execvpe execveat fexecve kill killpg tgkill sigqueue shm_open shm_unlink mq_open"
    " mq_send syslog vsyslog"
)
# By these any other is reached.
_ANY: Final = "syscall dlopen dlmopen dlsym dlvsym"

C_FUNCTIONS: Final = frozenset(" ".join((_NETWORK, _WRITING, _FOLDERS, _PROCESSES, _ANY)).split())
