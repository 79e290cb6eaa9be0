/* The bare machine's rate of starting programs: spawn_loop PROGRAM IN_FLIGHT SECONDS prints how many ran per second. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(char *program, long in_flight, double seconds)
{
	char *argv[] = {program, NULL}, *environment[] = {NULL};
	long running = 0, ended = 0;
	double begin = now();
	while (running > 0 || now() - begin < seconds) {
		pid_t pid;
		while (running < in_flight && now() - begin < seconds) {
			int error = posix_spawn(&pid, program, NULL, NULL, argv, environment);
			if (error) {
				errno = error;
				perror(program);
				return 1;
			}
			running++;
		}
		if (running > 0 && wait(NULL) > 0) {
			running--;
			ended++;
		}
	}
	printf("%.0f\n", (double)ended / (now() - begin));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: spawn_loop PROGRAM IN_FLIGHT SECONDS\n");
		return 2;
	}
	return run(argv[1], strtol(argv[2], NULL, 10), strtod(argv[3], NULL));
}
